import { expect, it } from "vitest";
import { World } from "../../sim/world.ts";
import { noteBackedUp, readBackedUp } from "../../src/node/history-keeping.ts";
import { noteLoss, readLoss } from "../../src/node/loss.ts";

const TRUNCATED = Uint8Array.of(0xa2, 0x61);
/** Nothing else is taken for it: a record that is still damaged would be seen. */
const NEVER = Number.MAX_SAFE_INTEGER;

it("a machine whose notes of a loss and of a backup are damaged starts, takes both for of now, and keeps to that", async () => {
  const world = await World.create({ seed: "damaged notes", nodes: 3 });
  const [atlas] = world.machines as [World["machines"][number]];
  await world.until(noteLoss(atlas.disk, 5));
  await world.until(noteBackedUp(atlas.disk, 5));
  const damaged = (await world.until(atlas.disk.scan(""))).filter(({ key }) => ["loss", "backed-up"].includes(key));
  expect(damaged.length).toBe(2);
  await world.until(
    atlas.disk.append(
      damaged.map(({ key }) => ({ key, value: TRUNCATED })),
      true,
    ),
  );
  await world.until(Promise.all(world.machines.map((machine) => machine.start())));
  const lostAtMs = await world.until(readLoss(atlas.disk, NEVER));
  expect(lostAtMs).toBeGreaterThan(5);
  expect(lostAtMs).toBeLessThanOrEqual(atlas.clock.now());
  // It tends what it holds, which asks when it made a backup.
  await world.clock.runUntil(world.clock.monotonic() + 90_000);
  expect(await world.until(readLoss(atlas.disk, NEVER))).toBe(lostAtMs);
  const backedUpMs = await world.until(readBackedUp(atlas.disk, NEVER));
  expect(backedUpMs).toBeGreaterThanOrEqual(lostAtMs as number);
  expect(backedUpMs).toBeLessThanOrEqual(atlas.clock.now());
  expect(world.violations).toEqual([]);
});
