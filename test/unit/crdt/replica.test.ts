import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { DiskFullError } from "../../../src/core/ports/disk.ts";
import { CLASS_DESIRED, type Entry } from "../../../src/crdt/entry/entry.ts";
import type { Growth } from "../../../src/crdt/admission.ts";
import { ReplicaExchange } from "../../../src/crdt/sync/exchange.ts";
import { AT, type Author, auditRun, found, keys, memoryDisk, Peer, picture, report } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

async function restarted(disk: ReturnType<typeof memoryDisk>): Promise<Peer> {
  const peer = new Peer(founding.genesis, disk.reopen());
  await peer.replica.load();
  return peer;
}

/** A peer with something of everything. */
async function lived(disk: ReturnType<typeof memoryDisk>): Promise<Peer> {
  const peer = await Peer.of(founding, disk);
  const bob = await peer.grant(alice, "bob");
  const web1 = await peer.enrol(bob, "web-1");
  await peer.role(alice, web1, "coordinator");
  await peer.write(alice, { "label/a": 1, "label/b": 1 });
  await peer.write(bob, { "label/a": 2 });
  const fork = await peer.twin();
  await peer.write(bob, { "label/b": 2 });
  await peer.take([await fork.write(bob, { "label/b": 3 })]);
  await peer.take([...auditRun(peer, web1, 5), report(peer, web1, 1, "one"), report(peer, web1, 2, "two")]);
  return peer;
}

describe("a replica on its disk", () => {
  it("comes back as it was", async () => {
    const disk = memoryDisk();
    const peer = await lived(disk);
    const again = await restarted(disk);
    expect(again.replica.damaged).toEqual([]);
    expect(picture(again)).toEqual(picture(peer));
    expect([...again.replica.observed.values()]).toEqual([...peer.replica.observed.values()]);
    expect(again.replica.newest).toEqual(peer.replica.newest);
    const inventory = (of: Peer) => toHex(new ReplicaExchange(of.replica, keys).inventory.digest(""));
    expect(inventory(again)).toBe(inventory(peer));
  });

  it("offers the latest reading that is not of the far future", async () => {
    const peer = await Peer.of(founding);
    const bob = await peer.grant(alice, "bob");
    await peer.write(alice, { "label/a": 1 }, { atMs: AT + 1000 });
    await peer.write(bob, { "label/a": 2 }, { atMs: AT + 365 * 86_400_000 });
    expect(peer.replica.newestUntil(AT + 300_000).ms).toBe(AT + 1000);
    expect(peer.replica.newest.ms).toBeGreaterThan(AT + 300_000);
  });

  it("has told of nothing that a power cut takes away", async () => {
    const disk = memoryDisk();
    const peer = await Peer.of(founding, disk);
    const told: Growth[] = [];
    peer.replica.onGrowth((growth) => told.push(growth));
    await peer.enrol(alice, "web-1");
    await peer.write(alice, { "label/a": 1 });
    const state = toHex(peer.replica.stateHash());
    disk.crash();
    const again = await restarted(disk);
    expect(toHex(again.replica.stateHash())).toBe(state);
    expect(told.map(({ entries, authority, source }) => [entries.length, authority, source])).toEqual([
      [1, true, "local"],
      [1, false, "local"],
    ]);
  });

  it.each(["a/", "c/", "o/"])(
    "leaves out and lists a damaged record under %s, and gets it back from a peer",
    async (prefix) => {
      const disk = memoryDisk();
      const peer = await lived(disk);
      for (const { key } of await disk.scan(prefix)) {
        const copy = memoryDisk("copy");
        await copy.append(await disk.scan(""), true);
        copy.flipBit(key);
        const again = await restarted(copy);
        expect(again.replica.damaged).toEqual([key]);
        const [asking, answering] = [new ReplicaExchange(again.replica, keys), new ReplicaExchange(peer.replica, keys)];
        const round = asking.begin();
        for (let request: Uint8Array | null = round.request; request !== null; ) {
          request = await round.next(await answering.answer(request));
        }
        // Without its genesis a replica understands nothing; whoever has a home keeps that entry there as well.
        expect(picture(again)).toEqual(picture(peer));
        expect(picture(await restarted(copy))).toEqual(picture(peer));
      }
    },
  );

  it("that is full refuses with DiskFullError, loses nothing, and goes on when there is room", async () => {
    const disk = memoryDisk();
    const peer = await Peer.of(founding, disk);
    const author = await peer.twin();
    const told: Entry[] = [];
    peer.replica.onGrowth(({ entries }) => told.push(...entries));
    const web1 = await author.enrol(alice, "web-1");
    const wrote = await author.write(alice, { "label/a": 1 });
    disk.full = true;
    await expect(peer.admit([web1.entry])).rejects.toThrow(DiskFullError);
    await expect(peer.admit([wrote])).rejects.toThrow(DiskFullError);
    // A retry is not answered with "known" as long as the disk does not have it.
    await expect(peer.admit([web1.entry])).rejects.toThrow(DiskFullError);
    expect(told).toEqual([]);
    disk.full = false;
    expect(await peer.admit([web1.entry])).toMatchObject([{ state: "known" }]);
    expect(told.map(({ id }) => id)).toEqual([web1.entry.id, wrote.id]);
    disk.crash();
    const again = await restarted(disk);
    expect(picture(again)).toEqual(picture(author));
  });

  it("writes batches that come at once in order, and answers each when it is there", async () => {
    const disk = memoryDisk();
    const author = await Peer.of(founding);
    const entries: Entry[] = [];
    for (let i = 0; i < 20; i++) entries.push(await author.write(alice, { [`label/l${i}`]: i }));
    const peer = await Peer.of(founding, disk);
    const answers = await Promise.all(entries.map((entry) => peer.admit([entry])));
    expect(answers.flat().every(({ state }) => state === "admitted")).toBe(true);
    disk.crash();
    const again = await restarted(disk);
    expect(again.replica.chain(toHex(alice.log), CLASS_DESIRED)?.main.length).toBe(20);
  });

  it("answers every entry of a batch, in its order", async () => {
    const author = await Peer.of(founding);
    const web1 = await author.enrol(alice, "web-1");
    const role = await author.role(alice, web1, "coordinator");
    const roleEntry = author.replica.graph.find(toHex(role.log))?.entry as Entry;
    const peer = await Peer.of(founding);
    const answers = await peer.replica.admit(
      [roleEntry.bytes, new Uint8Array(3), web1.entry.bytes, founding.genesis.bytes, web1.entry.bytes],
      "gossip",
    );
    expect(answers.map(({ state }) => state)).toEqual(["admitted", "refused", "admitted", "known", "admitted"]);
  });
});
