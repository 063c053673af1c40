import { expect, test } from "vitest";
import type { Machine } from "../../sim/machine.ts";
import { PROGRAM, World } from "../../sim/world.ts";

async function started(machines: "acquainted" | "strangers", forMs = 0): Promise<Machine> {
  const world = await World.create({ seed: "acquainted", nodes: 6, machines });
  await world.until(Promise.all(world.machines.map((machine) => machine.start())));
  await world.clock.runUntil(world.clock.monotonic() + forMs);
  return world.machines.at(-1) as Machine;
}

const listed = ({ agent }: Machine) =>
  agent?.directory.members().filter(({ addresses }) => addresses.length > 0).length;
const reported = ({ agent, id }: Machine) => agent?.replica.observed.get(id);

test("machines that have run before know from the start where all others listen, and of themselves what they say", async () => {
  const web = await started("acquainted");
  expect(listed(web)).toBe(5);
  expect(reported(web)).toMatchObject({ state: "record", entry: { header: { seq: 1 } } });
});

test("machines that start for the first time know where three of them listen", async () => {
  const web = await started("strangers");
  expect(listed(web)).toBe(3);
  expect(reported(web)).toBeUndefined();
});

test.each(["acquainted", "strangers"] as const)(
  "machines that start all at once as %s have one report each, and what it says is all there is",
  async (machines) => {
    const web = await started(machines, 30_000);
    expect(reported(web)).toMatchObject({ state: "record", entry: { header: { seq: 1 } } });
    expect(web.agent?.directory.report(web.id)?.alarms.programs).toEqual([PROGRAM]);
  },
);

test("of strangers who start all at once, more than those whom they know let in, none is doubted", async () => {
  const world = await World.create({ seed: "crowd", nodes: 140, machines: "strangers" });
  const gone: string[] = [];
  world.onStart((machine, { mesh }) => {
    mesh.onVerdictChange((changed) => {
      if (changed?.verdict !== "suspect" && changed?.verdict !== "unreachable") return;
      gone.push(`${world.machineWith(changed.member)?.name} is ${changed.verdict} at ${machine.name}`);
    });
  });
  await world.until(Promise.all(world.machines.map((machine) => machine.start())));
  await world.clock.runUntil(world.clock.monotonic() + 7_000);
  expect(gone).toEqual([]);
  const turnedAway = world.running.slice(0, 3).map(({ agent }) => agent?.mesh.counters.hangUps ?? 0);
  expect(Math.min(...turnedAway)).toBeGreaterThan(10);
});
