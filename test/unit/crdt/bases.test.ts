import { beforeEach, describe, expect, it } from "vitest";
import type { SimDisk } from "../../../sim/disk.ts";
import { toHex } from "../../../src/core/bytes.ts";
import type { DiskRecord } from "../../../src/core/ports/disk.ts";
import type { Json } from "../../../src/core/json.ts";
import { checkpointState } from "../../../src/crdt/checkpoint.ts";
import { CLASS_AUDIT, CLASS_DESIRED, type ChainHeader, type Entry } from "../../../src/crdt/entry/entry.ts";
import { ReplicaExchange } from "../../../src/crdt/sync/exchange.ts";
import { auditRun, type Author, found, keepOf, keys, memoryDisk, Peer, picture } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

/** What bob and alice wrote, and a peer that summed it up and was started again. */
let here: Peer;
let disk: SimDisk;
let bob: Author;
let written: Entry<ChainHeader>[];
let started: Peer;

beforeEach(async () => {
  disk = memoryDisk("bases");
  here = await Peer.of(founding, disk);
  bob = await here.grant(alice, "bob");
  written = [];
  for (let i = 0; i < 30; i++) {
    const value = i % 7 === 3 ? undefined : i;
    written.push(await here.write(bob, { [`label/l${i % 6}`]: value, [`label/only-${i}`]: true }));
    if (i % 5 === 0) await here.write(alice, { [`label/l${i % 6}`]: `alice ${i}` });
  }
  await here.replica.sumUp(3);
  started = await restarted(disk);
});

const disks = new Map<Peer, SimDisk>();

/** Another process, on a copy of what is on the disk. */
async function restarted(on: SimDisk): Promise<Peer> {
  const copy = memoryDisk("copy");
  await copy.append(await on.scan(""), true);
  const peer = new Peer(founding.genesis, copy);
  disks.set(peer, copy);
  await peer.replica.load();
  return peer;
}

const belowOf = (peer: Peer, { log }: Author) => peer.replica.chain(toHex(log), CLASS_DESIRED)?.below;
const rootOf = (peer: Peer) => toHex(new ReplicaExchange(peer.replica, keys).inventory.digest(""));
const valueOf = (peer: Peer, path: string): Json | undefined => peer.replica.view().desired(path)?.value;

function expectSame(one: Peer, two: Peer): void {
  expect(picture(one)).toEqual(picture(two));
  expect(toHex(one.replica.stateHash())).toBe(toHex(two.replica.stateHash()));
  expect(rootOf(one)).toBe(rootOf(two));
}

/** One round of anti-entropy that `asking` begins. */
async function exchange(asking: Peer, answering: Peer): Promise<void> {
  const round = new ReplicaExchange(asking.replica, keys).begin();
  const other = new ReplicaExchange(answering.replica, keys);
  for (let request: Uint8Array | null = round.request; request !== null; ) {
    request = await round.next(await other.answer(request));
  }
}

describe("a peer that starts from what its ledgers had come to", () => {
  it("reads the rest of them only, and shows the same", () => {
    expect([belowOf(started, bob), belowOf(started, alice)]).toEqual([28, 4]);
    expectSame(started, here);
    const stateOf = (peer: Peer) =>
      checkpointState(
        keys,
        [...peer.replica.fold.ledgers.values()].map(({ links }) => links),
      );
    expect(stateOf(started)).toEqual(stateOf(here));
  });

  it("goes on as every other, also from what was written after that, and from a base upon a base", async () => {
    for (let i = 0; i < 5; i++) {
      const [one, two] = [
        here.composeWrite(bob, { "label/l1": `more ${i}` }),
        here.composeWrite(alice, { "label/z": i }),
      ];
      await here.take([one, two]);
      await started.take([one, two]);
    }
    expectSame(started, here);
    await started.replica.sumUp(3);
    const again = await restarted(disks.get(started) as SimDisk);
    expect(belowOf(again, bob)).toBe(33);
    expectSame(again, here);
    await again.write(bob, { "label/l1": undefined });
    await started.learnFrom(again);
    expectSame(again, started);
  });

  it("gives a peer that has nothing all of it, and one that is far behind what it lacks", async () => {
    const empty = await Peer.of(founding);
    await exchange(empty, started);
    await exchange(empty, started);
    expectSame(empty, here);
    const again = await restarted(disk);
    const behind = await Peer.of(founding);
    await behind.take(here.entries().filter(({ header }) => header.kind === "authority"));
    await behind.take(written.slice(0, 10));
    await exchange(again, behind);
    await exchange(behind, again);
    expectSame(behind, here);
  });

  it.each([2, 15, 28, 29, 30, 31])("sees a fork at entry %i as every other, also after the next start", async (seq) => {
    const thief = await Peer.of(founding);
    await thief.take(here.entries().filter(({ header }) => header.kind === "authority"));
    await thief.take(written.slice(0, seq - 1));
    const copied = await thief.write(bob, { "label/stolen": seq });
    const honest = here.composeWrite(bob, { "label/l0": "honest" });
    for (const peer of [here, started]) {
      await peer.take([honest]);
      await peer.take([copied]);
    }
    expectSame(started, here);
    expect(started.replica.view().forks()).toMatchObject([{ writer: "bob", of: "desired", seq }]);
    expect(valueOf(started, "label/only-20")).toBe(seq > 21 ? true : undefined);
    expectSame(await restarted(disks.get(started) as SimDisk), here);
  });

  it("applies a cut below the base, and a checkpoint, as every other", async () => {
    const cut = here.compose(founding.root, {
      type: "cut",
      key: bob.signer.publicKey,
      keeps: [keepOf(bob, null, written[9])],
      reason: "stolen",
      at: 1,
    });
    for (const peer of [here, started]) await peer.take([cut]);
    expectSame(started, here);
    expect([valueOf(started, "label/only-9"), valueOf(started, "label/only-10")]).toEqual([true, undefined]);
    const again = await restarted(disks.get(started) as SimDisk);
    expectSame(again, here);
    const pin = await here.checkpoint(alice, [alice]);
    await again.take([pin]);
    expectSame(again, here);
  });

  it("that begins behind a pin lets all count that counts elsewhere, and gives it to others", async () => {
    await here.checkpoint(alice, [written[9] as Entry<ChainHeader>]);
    await here.checkpoint(bob, [written[19] as Entry<ChainHeader>]);
    for (let i = 0; i < 5; i++) await here.write(bob, { [`label/more-${i}`]: i });
    await here.replica.sumUp(3);
    const again = await restarted(disk);
    expect(belowOf(again, bob)).toBe(33);
    expectSame(again, here);
    const next = here.composeWrite(bob, { "label/after": 1 });
    for (const peer of [here, again]) await peer.take([next]);
    expectSame(again, here);
    const empty = await Peer.of(founding);
    for (let i = 0; i < 2; i++) await exchange(empty, again);
    expectSame(empty, here);
  });

  it("is told of audit records as ever, and gives all of them to others", async () => {
    const node = await here.enrol(alice, "nas-1");
    const records = auditRun(here, node, 20);
    await here.take(records);
    await here.replica.sumUp(3);
    const again = await restarted(disk);
    const chainOf = (peer: Peer) => peer.replica.chain(toHex(node.log), CLASS_AUDIT);
    expect(chainOf(again)?.below).toBe(18);
    const empty = await Peer.of(founding);
    await exchange(empty, again);
    await exchange(empty, again);
    expect(chainOf(empty)?.size).toBe(20);
    expect(chainOf(again)?.below).toBe(0);
    expectSame(empty, again);
  });

  it("misses a record below the base at once, and finds a damaged one, which peers give again", async () => {
    const bobs = (await disk.scan("c/")).filter(({ key }) => key.includes(toHex(bob.log)));
    const { key, value } = bobs[1] as DiskRecord;
    await disk.remove([key], true);
    expect((await restarted(disk)).replica.missing).toBe(1);

    await disk.append([{ key, value: value.with(30, 0x55) }], true);
    const peer = await restarted(disk);
    expect([peer.replica.missing, peer.replica.damaged, belowOf(peer, bob)]).toEqual([0, [], 28]);
    await peer.replica.checkBelow();
    expect(peer.replica.damaged).toEqual([key]);
    await exchange(peer, here);
    expectSame(peer, here);
    const { missing, damaged } = (await restarted(disks.get(peer) as SimDisk)).replica;
    expect([missing, damaged]).toEqual([0, []]);
  });

  it("without a base, too, counts no record twice that waited for a damaged one", async () => {
    const plain = memoryDisk("plain");
    const whole = await here.twin(plain);
    const [, { key, value } = { key: "", value: new Uint8Array() }] = await plain.scan("c/");
    await plain.append([{ key, value: value.with(30, 0x55) }], true);
    const peer = await restarted(plain);
    expect(peer.replica.damaged).toEqual([key]);
    await exchange(peer, whole);
    expectSame(peer, here);
    expect((await restarted(disks.get(peer) as SimDisk)).replica.missing).toBe(0);
  });
});
