import { describe, expect, it } from "vitest";
import { checkOwnLogs } from "../../sim/checkers/unauthorised.ts";
import { submitNonsense } from "../../sim/hands.ts";
import type { Machine } from "../../sim/machine.ts";
import { World } from "../../sim/world.ts";
import { CLASS_AUDIT } from "../../src/crdt/entry/entry.ts";

const pass = (world: World, ms: number) => world.clock.runUntil(world.clock.monotonic() + ms);
const acts = (of: Machine, at: Machine) => at.agent?.replica.chain(of.id, CLASS_AUDIT)?.size ?? 0;

describe("a machine that comes back with its store as it was some time ago", () => {
  it.each([
    ["alone", 0],
    ["with one member that missed its last acts", 1],
  ])("%s, never gives a number of its own log twice", async (_, company) => {
    const world = await World.create({ seed: `old copy ${company}`, nodes: 5 });
    await world.until(Promise.all(world.machines.map((machine) => machine.start())));
    await pass(world, 20_000);
    const [late, restored, ...others] = world.machines as [Machine, Machine, ...Machine[]];
    const keysOf = (machines: readonly Machine[]) => machines.map(({ key }) => key);
    await submitNonsense(world, restored);
    await pass(world, 20_000);
    const image = restored.disk.image();
    const before = acts(restored, restored);

    world.network.cut([late.key], keysOf([restored, ...others]));
    await submitNonsense(world, restored);
    await pass(world, 20_000);
    expect(others.map((other) => acts(restored, other))).toEqual(others.map(() => before + 1));
    expect(acts(restored, late)).toBe(before);

    restored.crash();
    restored.disk.setBack(image);
    world.network.heal();
    world.network.cut(
      keysOf(company === 0 ? [restored] : [restored, late]),
      keysOf(company === 0 ? [late, ...others] : others),
    );
    await world.until(restored.start());
    await pass(world, 1_000);
    // It has something to write down before it could hear of what it has forgotten.
    await submitNonsense(world, restored);
    await pass(world, 5_000);
    expect(acts(restored, restored)).toBe(before);
    world.network.heal();
    await pass(world, 90_000);
    checkOwnLogs(world);
    expect(world.violations).toEqual([]);
    expect(world.machines.map((machine) => acts(restored, machine))).toEqual(world.machines.map(() => before + 2));
  });
});
