import { beforeEach, describe, expect, it } from "vitest";
import type { SimDisk } from "../../../sim/disk.ts";
import { toHex } from "../../../src/core/bytes.ts";
import type { ExchangeOutcome } from "../../../src/core/ports/exchange.ts";
import { checkpointBody } from "../../../src/crdt/checkpoint.ts";
import { pathTo } from "../../../src/crdt/chain.ts";
import { type AuthorityHeader, CLASS_DESIRED, type ChainHeader, type Entry } from "../../../src/crdt/entry/entry.ts";
import { ReplicaExchange } from "../../../src/crdt/sync/exchange.ts";
import { AT, type Author, found, keepOf, keys, memoryDisk, Peer, picture } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;
const EVERY = () => true;
const WRITES = 20;
/** Alice pins so many of bob's links. */
const PINNED = 12;

/** Has all links of everybody, and keeps them. */
let whole: Peer;
let bob: Author;
let written: Entry<ChainHeader>[];
/** Knew no checkpoint. */
let before: Peer;
let pin: Entry<AuthorityHeader>;

beforeEach(async () => {
  whole = await Peer.of(founding);
  bob = await whole.grant(alice, "bob");
  written = [];
  for (let i = 0; i < WRITES; i++) {
    const value = i % 7 === 3 ? undefined : i;
    written.push(
      await whole.write(bob, { [`label/l${i % 4}`]: value, ...(i % 5 === 0 ? { [`label/o${i}`]: true } : {}) }),
    );
    if (i % 6 === 0) await whole.write(alice, { [`label/l${i % 4}`]: `alice ${i}` });
    if (i === PINNED - 1) before = await whole.twin();
  }
  pin = await checkpoint(whole, alice, bob, PINNED);
});

async function checkpoint(at: Peer, by: Author, whose: Author, seq: number): Promise<Entry<AuthorityHeader>> {
  const chain = at.replica.chain(toHex(whose.log), CLASS_DESIRED);
  const last = chain?.mainAt(seq);
  if (last === undefined) throw new Error("nothing to pin");
  return at.say(by, checkpointBody(keys, [pathTo(last)], AT));
}

const disks = new Map<Peer, SimDisk>();

/** A peer that has dropped what it may. */
async function dropped(from: Peer = whole): Promise<Peer> {
  const disk = memoryDisk("dropped");
  const peer = await from.twin(disk);
  disks.set(peer, disk);
  await peer.replica.stated.dropBelow(EVERY);
  return peer;
}

async function empty(): Promise<Peer> {
  const disk = memoryDisk("empty");
  const peer = await Peer.of(founding, disk);
  disks.set(peer, disk);
  return peer;
}

async function restarted(peer: Peer): Promise<Peer> {
  const copy = memoryDisk("copy");
  await copy.append(await (disks.get(peer) as SimDisk).scan(""), true);
  const again = new Peer(founding.genesis, copy);
  disks.set(again, copy);
  await again.replica.load();
  return again;
}

async function exchange(asking: Peer, answering: Peer): Promise<ExchangeOutcome> {
  const round = new ReplicaExchange(asking.replica, keys).begin();
  const other = new ReplicaExchange(answering.replica, keys);
  for (let request: Uint8Array | null = round.request; request !== null; ) {
    request = await round.next(await other.answer(request));
  }
  return round.outcome;
}

const chainOf = (peer: Peer, { log }: Author) => peer.replica.chain(toHex(log), CLASS_DESIRED);
const doubtsOf = (peer: Peer) => peer.replica.stated.beginnings().map(({ doubt }) => doubt);
const rootOf = (peer: Peer) => toHex(new ReplicaExchange(peer.replica, keys).inventory.digest(""));
const linksOnDisk = async (peer: Peer) => (disks.get(peer) as SimDisk).count(`c/${toHex(bob.log)}`);

/** What `writesAt` says of the past aside, and what is void, all that is shown. */
function expectSame(one: Peer, two: Peer): void {
  expect(picture(one)).toEqual(picture(two));
  expect(rootOf(one)).toBe(rootOf(two));
}

describe("a ledger that begins with what it had come to", () => {
  it("says the same without the links, in memory, and after a start", async () => {
    const peer = await dropped();
    expect([chainOf(peer, bob)?.letGo, await linksOnDisk(peer)]).toEqual([PINNED - 1, WRITES - PINNED + 1]);
    expectSame(peer, whole);
    const again = await restarted(peer);
    expect([again.replica.missing, again.replica.damaged]).toEqual([0, []]);
    expectSame(again, whole);
    expect(doubtsOf(again)).toEqual([null]);
  });

  it("goes on, is summed up, and lets more go at the next pin", async () => {
    const peer = await dropped();
    for (let i = 0; i < 10; i++) await peer.take([await whole.write(bob, { [`label/l${i % 4}`]: `more ${i}` })]);
    await peer.replica.sumUp(3);
    const again = await restarted(peer);
    expect([chainOf(again, bob)?.below, chainOf(again, bob)?.letGo]).toEqual([28, PINNED - 1]);
    expectSame(again, whole);
    await again.replica.makeWhole();
    expect(chainOf(again, bob)?.below).toBe(PINNED - 1);
    expectSame(again, whole);
    const next = await checkpoint(whole, alice, bob, 25);
    await again.take([next]);
    await again.replica.stated.dropBelow(EVERY);
    expect([chainOf(again, bob)?.letGo, await linksOnDisk(again)]).toEqual([24, 6]);
    expectSame(again, whole);
    expectSame(await restarted(again), whole);
    expect(doubtsOf(again)).toEqual([null]);
  });

  it("is handed on to a peer that has nothing, which hands it on itself", async () => {
    const [first, second] = [await empty(), await empty()];
    await exchange(first, await dropped());
    expectSame(first, whole);
    await exchange(second, await restarted(first));
    expectSame(second, whole);
    expect(second.replica.stated.beginnings()).toMatchObject([{ seq: PINNED, from: "given", doubt: null }]);
    expect((await exchange(second, whole)).verdict).toBe("same");
    expectSame(await restarted(second), whole);
  });

  it.each(["given by a peer that has no more", "brought back whole by one that has"])(
    "whose state is damaged is %s, and shows nothing of itself before",
    async (how) => {
      const peer = await dropped();
      const disk = disks.get(peer) as SimDisk;
      const [key = ""] = disk.keysNow.filter((one) => one.startsWith("s/"));
      expect(disk.flipBit(key)).toBe(true);
      const damaged = await restarted(peer);
      expect([damaged.replica.damaged, damaged.replica.missing]).toEqual([[key], 0]);
      expect(chainOf(damaged, bob)).toBeUndefined();
      await damaged.replica.acceptLoss();
      await exchange(damaged, how.startsWith("given") ? await dropped() : whole);
      expectSame(damaged, whole);
      const again = await restarted(damaged);
      expect([again.replica.damaged, again.replica.missing]).toEqual([[], 0]);
      expectSame(again, whole);
    },
  );

  it("is not begun with another state than the checkpoint's", async () => {
    const liar = await dropped();
    const { log } = bob;
    const handed = liar.replica.stated.handOn(toHex(log), CLASS_DESIRED);
    const peer = await empty();
    await peer.take(whole.replica.graph.entries.map(({ entry }) => entry));
    const bytes = handed?.bytes() as Uint8Array;
    for (let i = 0; i < bytes.length; i += 97) {
      const altered = bytes.slice();
      altered[i] = (altered[i] as number) ^ 1;
      const begun = peer.replica.stated.beginAt(toHex(log), CLASS_DESIRED, altered, handed?.link as string);
      await expect(begun).rejects.toThrow();
    }
    expect(chainOf(peer, bob)).toBeUndefined();
    await peer.replica.stated.beginAt(toHex(log), CLASS_DESIRED, bytes, handed?.link as string);
    expect(chainOf(peer, bob)?.letGo).toBe(PINNED - 1);
  });

  it("does not go where what was pinned is not what the ledger had come to", async () => {
    const liar = await before.twin();
    await liar.checkpoint(alice, [written[PINNED - 1] as Entry<ChainHeader>]);
    expect(chainOf(await dropped(liar), bob)?.letGo).toBe(0);
  });

  it("is dropped only below pins that are old here", async () => {
    const peer = await whole.twin();
    await peer.replica.stated.dropBelow((id) => id !== pin.id);
    expect(chainOf(peer, bob)?.letGo).toBe(0);
  });
});

describe("what comes late", () => {
  it("below the pin makes the links be asked for again, and changes nothing that counts", async () => {
    const peer = await dropped();
    const thief = await Peer.of(founding);
    const early = written.slice(0, 5);
    await thief.take([...whole.replica.graph.entries.map(({ entry }) => entry), ...early]);
    const stolen = await thief.write(bob, { "label/l1": "stolen" }, { atMs: AT + 500 });
    await peer.admit([stolen]);
    await whole.take([stolen]);
    expect(doubtsOf(peer)).toEqual(["fork"]);
    await exchange(peer, whole);
    expect([chainOf(peer, bob)?.letGo, peer.replica.stated.beginnings()]).toEqual([0, []]);
    expectSame(peer, whole);
    expectSame(await restarted(peer), whole);
  });

  it("stays on the state where a cut did not know the checkpoint, until the links are back", async () => {
    const peer = await dropped();
    const cutter = await before.twin();
    const bobs = before.replica.graph.entries.filter(({ log }) => log === toHex(bob.log)).map(({ entry }) => entry);
    const cut = await cutter.cut(alice, bob, [keepOf(bob, bobs, written[4] as Entry<ChainHeader>)]);
    for (const one of [peer, whole]) await one.take([cut]);
    expect(doubtsOf(peer)).toEqual(["cut"]);
    expect(peer.replica.fold.ledgers.get(toHex(bob.log))?.links).toHaveLength(1);
    // They know the same, and have come to something else by right.
    expect((await exchange(whole, peer)).verdict).toBe("same");
    expect((await exchange(peer, whole)).verdict).toBe("same");
    expectSame(peer, whole);
    expect(whole.replica.fold.ledgers.get(toHex(bob.log))?.links).toHaveLength(5);
    expectSame(await restarted(peer), whole);
  });

  it("and knew the checkpoint counts as where that leads, without a doubt", async () => {
    const peer = await dropped();
    const cut = await whole.cut(alice, bob, [keepOf(bob, null, written[4] as Entry<ChainHeader>)]);
    await peer.take([cut]);
    expect(doubtsOf(peer)).toEqual([null]);
    expect(toHex(peer.replica.stateHash())).toBe(toHex(whole.replica.stateHash()));
  });

  it("takes the checkpoint back: the state stays, and the links are asked for again", async () => {
    const here = await Peer.of(founding);
    const anna = await here.grant(founding.root, "anna", { rank: 1 });
    const carl = await here.grant(anna, "carl");
    for (let i = 0; i < 6; i++) await here.write(carl, { [`label/${i % 2}`]: i });
    await checkpoint(here, anna, carl, 4);
    const peer = await dropped(here);
    expect(chainOf(peer, carl)?.letGo).toBe(3);
    const grant = here.replica.graph.entries.find(({ log, body }) => log === toHex(anna.log) && body.type === "grant");
    const keep = keepOf(anna, [grant?.entry as Entry]);
    const cut = await here.cut(founding.root, anna, [keep]);
    await peer.take([cut]);
    expect(doubtsOf(peer)).toEqual(["void"]);
    expect(picture(peer)).toEqual(picture(here));
    await exchange(peer, here);
    expect(peer.replica.stated.beginnings()).toEqual([]);
    expectSame(peer, here);
  });

  it("is a pin of another branch: what it chooses counts as soon as the links are back", async () => {
    const peer = await dropped();
    const thief = await Peer.of(founding);
    await thief.take([...whole.replica.graph.entries.map(({ entry }) => entry), ...written.slice(0, 5)]);
    const other = await thief.write(bob, { "label/l1": "other" }, { atMs: AT + 500 });
    const say = await thief.checkpoint(founding.root, [other]);
    await whole.take([other, say]);
    await peer.take([say]);
    expect(doubtsOf(peer)).toEqual(["pin"]);
    await exchange(peer, whole);
    expectSame(peer, whole);
    expect(whole.replica.view().desired("label/l1")?.value).toBe("other");
  });

  it("keeps what a peer had that was away, until it knows on which line that lies", async () => {
    const disk = memoryDisk("away");
    const away = await Peer.of(founding, disk);
    await away.take([...before.replica.graph.entries.map(({ entry }) => entry), ...written.slice(0, PINNED - 3)]);
    disks.set(away, disk);
    const peer = await dropped();
    await exchange(away, peer);
    expect(away.replica.stated.beginnings()).toMatchObject([{ seq: PINNED, from: "given", doubt: "fork" }]);
    expect(toHex(away.replica.stateHash())).toBe(toHex(whole.replica.stateHash()));
    const again = await restarted(away);
    expect([again.replica.missing, doubtsOf(again)]).toEqual([0, ["fork"]]);
    await exchange(again, whole);
    expectSame(again, whole);
    expect(again.replica.stated.beginnings()).toEqual([]);
  });
});
