import { once } from "node:events";
import { readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DAMAGES } from "../../bench/damages.ts";
import { seededRandom } from "../../sim/random.ts";
import { openLevelDisk } from "../../src/node/platform/store/level-disk.ts";
import { writeSnapshot } from "../../src/node/platform/store/snapshots.ts";
import { Lab, type Machine, until } from "./lab.ts";

/** Of each of them something is missing for certain, whatever else happened to the store. */
const CERTAIN = [
  "a deleted CURRENT",
  "no directory",
  "a deleted MANIFEST",
  "an empty directory",
  "a CURRENT full of rubbish",
];
const ROUNDS = 10;
/** Longer than a start takes where little else runs: kills fall before, into and behind the healing. */
const LATEST_KILL_MS = 1_500;

/** nas-1 runs on. What happens to the disk of web-1 happens while its agent is killed, several times before it may stay. */
describe("an agent that is killed again and again, and whose store is damaged in between", () => {
  const random = seededRandom("ordeal");
  let lab: Lab;
  let nas: Machine;
  let web: Machine;

  beforeAll(async () => {
    lab = Lab.open();
    nas = lab.machine("nas-1");
    web = lab.machine("web-1");
    await nas.found();
    await web.join(await nas.token("--name", "web-1"));
  });
  afterAll(() => lab.close());

  const labelsOn = async (machine: Machine) =>
    (await machine.servers()).find(({ name }) => name === "web-1")?.labels ?? [];

  /** So many are in the audit that nas-1 has. */
  async function healings(): Promise<number> {
    const { items } = await nas.json<{ items: { action: string; reason: string }[] }>("get", "audit");
    return items.filter(({ action, reason }) => action === "store.heal" && reason !== "").length;
  }

  /** At a moment that nobody chose. */
  async function startAndKill(): Promise<void> {
    const agent = web.start(["agent", ...web.agentFlags]);
    const ended = once(agent, "exit");
    await sleep(random.below(LATEST_KILL_MS));
    agent.kill("SIGKILL");
    await ended;
  }

  function damage(name: string): void {
    try {
      DAMAGES[name]?.(join(web.home, "store"), random);
    } catch (error) {
      // What it would damage is not there any more.
      if (!["ENOENT", "ERR_OUT_OF_RANGE"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }

  /** As the agent makes one every hour. */
  async function makeSnapshot(): Promise<void> {
    const disk = await openLevelDisk(join(web.home, "store"));
    await writeSnapshot(join(web.home, "snapshots"), await disk.scan(""), new Date());
    await disk.close();
  }

  function damageSnapshots(): void {
    const directory = join(web.home, "snapshots");
    for (const name of readdirSync(directory)) {
      truncateSync(join(directory, name), random.below(statSync(join(directory, name)).size));
    }
  }

  it("starts each time, says what was done, and has all that it acknowledged and one peer has", async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const label = `round-${round}`;
      const told = await healings();
      await web.run(["label", "server", "web-1", label]);
      acknowledged.push(label);
      await until("nas-1 has it", async () => (await labelsOn(nas)).includes(label));
      await web.killAgent();
      await web.agentEnds;

      const certain = CERTAIN[round % CERTAIN.length] as string;
      const others = Object.keys(DAMAGES);
      await makeSnapshot();
      damage(certain);
      if (round % 2 === 1) damageSnapshots();
      if (round % 3 === 2) rmSync(join(web.home, "store.tally"), { force: true });
      for (let kill = random.below(4); kill > 0; kill--) {
        await startAndKill();
        // Into what was just healed, or is half healed.
        damage(others[random.below(others.length)] as string);
      }

      await web.startAgent();
      await until("web-1 has all", async () => {
        const labels = await labelsOn(web);
        return acknowledged.every((one) => labels.includes(one));
      });
      // Where one of the killed had the time to write it down, the last one has nothing more to say.
      await until(`nas-1 reads that it was healed in round ${round}`, async () => (await healings()) > told);
    }
    expect(await web.run(["audit", "verify"])).not.toMatch(/fork|altered|does not/);
    const kept = readdirSync(web.home).filter((name) => name.startsWith("store.damaged-"));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThanOrEqual(3);
  }, 300_000);
});
