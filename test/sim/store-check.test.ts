import { describe, expect, it } from "vitest";
import { submitNonsense } from "../../sim/hands.ts";
import type { Machine } from "../../sim/machine.ts";
import { World } from "../../sim/world.ts";
import { decodeAudit } from "../../src/core/audit.ts";
import { concat } from "../../src/core/bytes.ts";
import { CLASS_AUDIT } from "../../src/crdt/entry/entry.ts";
import { StoreCheck } from "../../src/node/home/store-check.ts";

const CHECKSUM_BYTES = 8;
/** From the end of an entry: scheme and signature, and then the payload. */
const WITHIN_PAYLOAD = 80;

/** A world in which the first machine has written into its audit; then its disk is altered, and it starts again. */
async function restarted(alter: (machine: Machine, world: World) => Promise<void>): Promise<[World, StoreCheck]> {
  const world = await World.create({ seed: "signatures", nodes: 3 });
  const [first] = world.machines as [Machine];
  const pass = (ms: number) => world.clock.runUntil(world.clock.monotonic() + ms);
  await world.until(Promise.all(world.machines.map((machine) => machine.start())));
  await pass(20_000);
  await submitNonsense(world, first);
  await pass(20_000);
  await world.until(first.stop());
  await alter(first, world);
  await world.until(first.start());
  const check = new StoreCheck(first.agent as NonNullable<Machine["agent"]>);
  check.start();
  await pass(150_000);
  return [world, check];
}

describe("a store that was put together from what was left of it", () => {
  it("is found good when every signature is, and that is written down", async () => {
    const [world, check] = await restarted(async () => undefined);
    expect(check.complaint).toBeNull();
    const [first] = world.machines as [Machine];
    const last = first.agent?.replica.chain(first.id, CLASS_AUDIT)?.main.at(-1)?.entry.payload;
    expect(decodeAudit(last ?? new Uint8Array(0))).toMatchObject({
      action: "store.verify",
      decision: "allowed",
      reason: "every signature is good",
    });
  });

  it("is found out when an entry has a good checksum and not what its writer signed", async () => {
    const [, check] = await restarted(async (machine, world) => {
      const records = await world.until(machine.disk.reopen().scan(`entries/c/${machine.id}/002/`));
      const { key, value } = records.at(-1) as (typeof records)[number];
      const bytes = new Uint8Array(value.subarray(CHECKSUM_BYTES));
      bytes[bytes.length - WITHIN_PAYLOAD] = (bytes[bytes.length - WITHIN_PAYLOAD] as number) ^ 1;
      const sealed = concat(world.keys.hash(bytes).subarray(0, CHECKSUM_BYTES), bytes);
      machine.disk.setBack(new Map([...machine.disk.image(), [key, sealed]]));
    });
    expect(check.complaint).toMatchObject({ kind: "store-damaged", subject: "signatures" });
    expect(check.complaint?.detail).toMatch(/is not what its writer signed.*: lab audit verify/);
  });
});
