import { expect, it } from "vitest";
import { checkOwnLogs } from "../../sim/checkers/unauthorised.ts";
import type { Machine } from "../../sim/machine.ts";
import { World } from "../../sim/world.ts";
import { toBase64Url } from "../../src/core/bytes.ts";
import { CLASS_AUDIT } from "../../src/crdt/entry/entry.ts";
import { entrySubmitOperation } from "../../src/operations/entry.ts";

const ACTS = 12;
const pass = (world: World, ms: number) => world.clock.runUntil(world.clock.monotonic() + ms);
const acts = (of: Machine, at: Machine) => at.agent?.replica.chain(of.id, CLASS_AUDIT)?.size ?? 0;

/** Its agent refuses it, and writes that into its audit. */
async function submitNonsense(world: World, machine: Machine): Promise<void> {
  const entries = [toBase64Url(Uint8Array.of(1, 2, 3))];
  await world.until(machine.call(entrySubmitOperation, { entries }));
}

it("a machine that finds its own log damaged while it runs gives no number of it twice, and has it whole again", async () => {
  const world = await World.create({ seed: "a gap in the own log", nodes: 4 });
  await world.until(Promise.all(world.machines.map((machine) => machine.start())));
  await pass(world, 20_000);
  const [damaged, ...others] = world.machines as [Machine, ...Machine[]];
  for (let i = 0; i < ACTS; i++) await submitNonsense(world, damaged);
  // It sums its log up, and begins with that the next time.
  await pass(world, 70_000);
  damaged.crash();
  await world.until(damaged.start());
  await pass(world, 20_000);
  const replica = damaged.agent?.replica;
  expect(replica?.chain(damaged.id, CLASS_AUDIT)?.unread).toBeGreaterThan(0);

  const [, second] = (await damaged.disk.scan(`entries/c/${damaged.id}/`)).map(({ key }) => key);
  damaged.disk.flipBit(second as string);
  world.network.cut(
    [damaged.key],
    others.map(({ key }) => key),
  );
  await world.until(replica?.checkBelow() ?? Promise.resolve());
  expect(acts(damaged, damaged)).toBe(1);
  await submitNonsense(world, damaged);
  await pass(world, 5_000);
  world.network.heal();
  await pass(world, 60_000);

  checkOwnLogs(world);
  expect(world.violations).toEqual([]);
  expect(world.machines.map((machine) => acts(damaged, machine))).toEqual(world.machines.map(() => ACTS + 1));
});
