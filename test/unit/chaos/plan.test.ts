import { describe, expect, it } from "vitest";
import { drawPlan, type Place, type PlanOptions } from "../../chaos/plan.ts";

const PLACES: readonly Place[] = [
  { name: "m1", wire: "plain", disk: "directory" },
  { name: "m2", wire: "plain", disk: "image" },
  { name: "m3", wire: "delayed", disk: "directory" },
  { name: "m4", wire: "plain", disk: "image" },
  { name: "m5", wire: "behind a router", disk: "directory" },
  { name: "m6", wire: "behind a router", disk: "directory" },
  { name: "m7", wire: "plain", disk: "image" },
];

function planOf(seed: string, change: Partial<PlanOptions> = {}) {
  const strangers = [["stranger-1", "stranger-2", "stranger-3"]];
  return drawPlan({ seed, places: PLACES, cutsSeconds: [5, 40], strangers, ...change });
}

const SEEDS = Array.from({ length: 200 }, (_, i) => String(i));
const faultsOf = (seed: string) => planOf(seed).flatMap(({ faults }) => faults);

describe("a plan", () => {
  it("is the same for the same seed, and another one for another", () => {
    expect(planOf("7")).toEqual(planOf("7"));
    expect(planOf("7")).not.toEqual(planOf("8"));
  });

  it("has each cut once, a stop and a start of all", () => {
    for (const seed of SEEDS) {
      const rounds = planOf(seed);
      const cuts = rounds.flatMap(({ cutSeconds }) => (cutSeconds === null ? [] : [cutSeconds]));
      expect(cuts.sort((a, b) => a - b)).toEqual([5, 40]);
      expect(rounds.flatMap(({ faults }) => faults).filter(({ kind }) => kind === "stop")).toHaveLength(1);
      expect(rounds.flatMap(({ faults }) => faults).filter(({ kind }) => kind === "new leases")).toHaveLength(1);
    }
  });

  it("cuts off less than half, with whoever is behind one router on one side", () => {
    for (const fault of SEEDS.flatMap(faultsOf)) {
      if (fault.kind !== "cut") continue;
      expect(fault.minority.length).toBeGreaterThan(0);
      expect(fault.minority.length * 2).toBeLessThan(PLACES.length);
      expect(fault.minority.includes("m5")).toBe(fault.minority.includes("m6"));
    }
  });

  it("asks of no machine what it has not got", () => {
    const drawn = SEEDS.flatMap(faultsOf);
    const machinesOf = (kind: string) =>
      drawn
        .flatMap((fault) => (fault.kind === kind && "machine" in fault ? [fault.machine] : []))
        .map((name) => PLACES.find((place) => place.name === name) as Place);
    expect(machinesOf("power cut").every(({ disk }) => disk === "image")).toBe(true);
    expect(machinesOf("move").every(({ wire }) => wire === "plain")).toBe(true);
    expect(machinesOf("delay").every(({ wire }) => wire === "delayed")).toBe(true);
    expect(machinesOf("rate").some(({ wire }) => wire === "delayed")).toBe(false);
    const renumbered = drawn.flatMap((fault) => (fault.kind === "new leases" ? [...fault.to.keys()] : []));
    expect(renumbered).not.toContain("m1");
  });

  it("gives no address twice, and does one thing at a time to each machine that goes down", () => {
    for (const seed of SEEDS) {
      const leases = faultsOf(seed).flatMap((fault) => {
        if (fault.kind === "move") return [fault.to];
        return fault.kind === "new leases" ? [...fault.to.values()] : [];
      });
      expect(new Set(leases).size).toBe(leases.length);
      for (const { faults } of planOf(seed)) {
        const down = faults.flatMap((fault) =>
          ["stop", "kill", "cable out", "power cut", "move"].includes(fault.kind) && "machine" in fault
            ? [fault.machine]
            : [],
        );
        expect(new Set(down).size).toBe(down.length);
      }
    }
  });

  it("reaches every kind of fault within a few seeds", () => {
    const kinds = new Set(SEEDS.slice(0, 10).flatMap((seed) => faultsOf(seed).map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(
      ["cable out", "cut", "delay", "kill", "loss", "move", "new leases", "power cut", "race", "rate", "stop"].sort(),
    );
  });
});
