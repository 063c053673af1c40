import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/crdt/entry/entry.ts";
import { SimDisk } from "../../../sim/disk.ts";
import { seededRandom } from "../../../sim/random.ts";
import { type Author, bytesFor, found, keepOf, Peer, picture, unsigned } from "./fixture.ts";

const founding = found({ founders: { alice: {}, anna: {} } });
const { alice, anna } = founding.founders as { alice: Author; anna: Author };

/** A history with everything in it that could depend on who heard what first. */
async function history(): Promise<Entry[]> {
  const here = await Peer.of(founding);
  const bob = await here.grant(alice, "bob");
  const carol = await here.grant(anna, "carol");
  const nas1 = await here.enrol(alice, "nas-1");
  const coordinator = await here.role(alice, nas1, "coordinator");
  const token = await here.token(bob, coordinator.log, { roles: ["coordinator", "secret-store"] });
  const start = await here.write(alice, { [`server/${nas1.name}/label/web`]: true, "label/web": {} });
  const bobs = await here.write(bob, { "label/web": { color: "red" } });

  // The mesh is cut in two: both halves change the same things, one node takes part in both.
  const there = await here.twin();
  const web1 = await here.redeem(coordinator, token, "web-1");
  const web1There = await there.redeem(coordinator, token, "web-9", "web-1");
  const rival = await there.redeem(coordinator, token, "web-2");
  const guest = { ...web1There, log: web1There.roles.coordinator as Uint8Array };
  const guests = await there.token(carol, guest.log, { id: bytesFor("guest").subarray(0, 16) });
  await there.redeem(guest, guests, "guest-1");
  const bobsDb = await here.enrol(bob, "db-1", "db-1a");
  const carolsDb = await there.enrol(carol, "db-1", "db-1b");
  await here.unrole(alice, nas1, "secret-store");
  await there.role(carol, nas1, "secret-store");
  await here.write(bob, { "label/web": { color: "blue" }, "label/db": true });
  const carols = await there.write(carol, { "label/web": { color: "green" }, "label/db": undefined });
  await here.write(alice, { "label/both": "here", "label/db": 1 });
  await there.write(anna, { "label/both": "there" });
  // bob's laptop was copied: his ledger forks.
  const bobsFork = await there.write(bob, { "label/web": { color: "forked" } });
  await there.write(bob, { "label/fork": true });
  await here.cut(anna, bob, [keepOf(bob, [bobsDb.entry], bobsFork)]);
  await there.cut(alice, carol, [keepOf(carol, [carolsDb.entry], carols)]);
  const again = await there.grant(alice, "carol", { rank: 2, at: 5 });
  await there.write(again, { "label/again": true });
  await there.cut(alice, rival);

  const entries = new Map([...here.entries(), ...there.entries()].map((entry) => [entry.id, entry]));
  // alice's chain goes on under one signature.
  const run = await here.write(alice, { "label/x": 1 }, { more: 1 });
  const tip = await here.write(alice, { "label/x": 2 });
  expect([start.header.seq, bobs.header.seq, web1.name]).toEqual([1, 1, "web-1"]);
  return [...entries.values(), unsigned(run), tip];
}

describe("what entries mean", () => {
  it("does not depend on the order in which they come, in batches or one by one, once or twice", async () => {
    const entries = await history();
    const straight = await Peer.of(founding);
    await straight.admit(entries);
    const expected = picture(straight);
    expect(straight.replica.view().nodes.size).toBeGreaterThan(4);
    expect(straight.replica.view().conflicts().length).toBeGreaterThan(0);

    const shuffled = fc.tuple(
      fc.shuffledSubarray([...entries, ...entries.slice(0, 9)], { minLength: entries.length + 9 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
    );
    const world = fc.asyncProperty(shuffled, async ([order, sizes]) => {
      const disk = new SimDisk({ random: seededRandom("order") });
      const peer = new Peer(founding.genesis, disk);
      for (let at = 0; at < order.length; ) {
        const size = sizes.next().value ?? 1;
        await peer.admit(order.slice(at, at + size));
        // Somebody looks in between: what was concluded before must not stick.
        if (size % 3 === 0) peer.replica.stateHash();
        at += size;
      }
      expect(picture(peer)).toEqual(expected);
      const restarted = new Peer(founding.genesis, disk.reopen());
      await restarted.replica.load();
      expect(picture(restarted)).toEqual(expected);
    });
    await fc.assert(world, { numRuns: 150 });
  });
});
