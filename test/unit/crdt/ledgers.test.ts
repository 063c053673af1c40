import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import type { Json } from "../../../src/core/json.ts";
import { CLASS_AUDIT, CLASS_DESIRED, type Entry } from "../../../src/crdt/entry/entry.ts";
import {
  AT,
  type Author,
  auditRun,
  bytesFor,
  found,
  keepOf,
  link,
  Peer,
  picture,
  report,
  signerOf,
  unsigned,
} from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;
const DAY_MS = 86_400_000;

const valueOf = (peer: Peer, path: string): Json | undefined => peer.replica.view().desired(path)?.value;
const stateHash = (peer: Peer) => toHex(peer.replica.stateHash());

/** alice's peer with bob as a second operator, and a twin on the other side of a cut in the network. */
async function twoHalves() {
  const here = await Peer.of(founding);
  const bob = await here.grant(alice, "bob");
  return { here, bob, there: await here.twin() };
}

async function heal(...peers: readonly Peer[]): Promise<void> {
  for (const peer of peers) await peer.learnFrom(...peers);
}

describe("a write", () => {
  it("supersedes what its writer saw, whatever the clocks say", async () => {
    const { here, bob, there } = await twoHalves();
    await here.write(alice, { "label/web": "from the future" }, { atMs: AT + 365 * DAY_MS });
    await there.learnFrom(here);
    await there.write(bob, { "label/web": "later" }, { atMs: AT - 365 * DAY_MS });
    await heal(here, there);
    for (const peer of [here, there]) {
      expect(valueOf(peer, "label/web")).toBe("later");
      expect(peer.replica.view().conflicts()).toEqual([]);
    }
    await here.write(alice, { "label/web": "last" }, { atMs: AT + 366 * DAY_MS });
    await heal(here, there);
    expect([valueOf(here, "label/web"), valueOf(there, "label/web")]).toEqual(["last", "last"]);
  });

  it("beside another has one winner everywhere, the later by clock, and is listed as a conflict", async () => {
    const { here, bob, there } = await twoHalves();
    await here.write(alice, { "label/web": "one" }, { atMs: AT + 10 });
    await there.write(bob, { "label/web": "two" }, { atMs: AT + 20 });
    await heal(here, there);
    expect(picture(here)).toEqual(picture(there));
    expect(valueOf(here, "label/web")).toBe("two");
    const [conflict] = here.replica.view().conflicts();
    expect(conflict).toMatchObject({ path: "label/web", winner: { value: "two" }, losers: [{ value: "one" }] });
    await here.write(alice, { "label/web": "settled" });
    expect([valueOf(here, "label/web"), here.replica.view().conflicts()]).toEqual(["settled", []]);
  });

  it("at the same time as another is decided by the log, and no conflict if both said the same", async () => {
    const { here, bob, there } = await twoHalves();
    await here.write(alice, { "label/web": { a: 1, b: 2 }, "label/db": 1 }, { atMs: AT + 10 });
    await there.write(bob, { "label/web": { b: 2, a: 1 }, "label/db": 2 }, { atMs: AT + 10 });
    await heal(here, there);
    expect(picture(here)).toEqual(picture(there));
    expect(valueOf(here, "label/db")).toBe(toHex(alice.log) > toHex(bob.log) ? 1 : 2);
    expect(
      here.replica
        .view()
        .conflicts()
        .map(({ path }) => path),
    ).toEqual(["label/db"]);
  });

  it("on either side leaves writes to other paths alone: both labels are there", async () => {
    const { here, bob, there } = await twoHalves();
    const web1 = await here.enrol(alice, "web-1");
    await there.learnFrom(here);
    const node = toHex(web1.log);
    await here.write(alice, { [`server/${node}/label/web`]: true });
    await there.write(bob, { [`server/${node}/label/prod`]: true });
    await heal(here, there);
    expect(here.replica.view().labelsOf(node)).toEqual(["prod", "web"]);
    expect(stateHash(here)).toBe(stateHash(there));
  });

  it("can take away: a tombstone supersedes, and beside another write it is a conflict like any other", async () => {
    const { here, bob, there } = await twoHalves();
    await here.write(alice, { "label/web": true });
    await there.learnFrom(here);
    await here.write(alice, { "label/web": undefined }, { atMs: AT + 20 });
    expect(valueOf(here, "label/web")).toBeUndefined();
    await there.write(bob, { "label/web": "kept" }, { atMs: AT + 10 });
    await heal(here, there);
    expect([valueOf(here, "label/web"), valueOf(there, "label/web")]).toEqual([undefined, undefined]);
    expect(here.replica.view().conflicts()).toMatchObject([
      { winner: { value: undefined }, losers: [{ value: "kept" }] },
    ]);
  });

  it("takes the labels and attributes that came with a token, if it says so", async () => {
    const peer = await Peer.of(founding);
    const nas1 = await peer.enrol(alice, "nas-1");
    const coordinator = await peer.role(alice, nas1, "coordinator");
    const web1 = await peer.redeem(coordinator, await peer.token(alice, coordinator.log), "web-1");
    const node = toHex(web1.log);
    await peer.write(alice, {
      [`server/${node}/label/web`]: undefined,
      [`server/${node}/attribute/environment`]: "lab",
    });
    expect(peer.replica.view().labelsOf(node)).toEqual([]);
    expect(peer.replica.view().attributeOf(node, "environment")).toBe("lab");
    await peer.write(alice, { [`server/${node}/attribute/environment`]: undefined });
    expect(peer.replica.view().attributeOf(node, "environment")).toBeUndefined();
  });

  it("cannot supersede what is not written yet: it names entries by their hash", async () => {
    const { here, bob } = await twoHalves();
    const mallory = await here.grant(alice, "mallory");
    await here.write(mallory, { "label/web": "mine" }, { over: [bytesFor("guess")].map(toHex) });
    await here.write(bob, { "label/web": "bob's" });
    expect(valueOf(here, "label/web")).toBe("bob's");
  });
});

describe("a batch", () => {
  it("counts when its last entry is there, and not before", async () => {
    const author = await Peer.of(founding);
    const one = await author.write(alice, { "label/a": 1 }, { more: 1 });
    expect(valueOf(author, "label/a")).toBeUndefined();
    const two = await author.write(alice, { "label/b": 2 });
    expect([valueOf(author, "label/a"), valueOf(author, "label/b")]).toEqual([1, 2]);
    const reader = await Peer.of(founding);
    await reader.take([one]);
    expect(valueOf(reader, "label/a")).toBeUndefined();
    await reader.take([two]);
    expect(stateHash(reader)).toBe(stateHash(author));
  });

  it("cannot be broken off", async () => {
    const peer = await Peer.of(founding);
    await peer.write(alice, { "label/a": 1 }, { more: 2 });
    const other = peer.composeWrite(alice, { "label/b": 2 }, { more: 0 });
    expect(await peer.admit([other])).toMatchObject([{ state: "refused", reason: "a batch is broken off" }]);
  });

  it("that a cut keeps in part is not folded in part", async () => {
    const { here, bob } = await twoHalves();
    const whole = await here.write(bob, { "label/a": 1 });
    const half = await here.write(bob, { "label/b": 1 }, { more: 1 });
    await here.write(bob, { "label/c": 1 });
    await here.cut(alice, bob, [keepOf(bob, [], half)]);
    expect([valueOf(here, "label/a"), valueOf(here, "label/b")]).toEqual([1, undefined]);
    expect(whole.header.seq).toBe(1);
  });
});

describe("a removed operator's ledger", () => {
  it("keeps the prefix that the cut names, on peers that knew more and on peers that hear the rest later", async () => {
    const { here, bob, there } = await twoHalves();
    await here.write(bob, { "label/a": 1 });
    const last = await here.write(bob, { "label/b": 1 });
    await here.write(bob, { "label/a": 2, "label/c": 1 });
    const late = await here.twin();
    await here.cut(alice, bob, [keepOf(bob, [], last)]);
    expect([1, 1, undefined]).toEqual(["label/a", "label/b", "label/c"].map((path) => valueOf(here, path)));
    await there.take(here.replica.graph.entries.map(({ entry }) => entry));
    expect(valueOf(there, "label/a")).toBeUndefined();
    await heal(here, there, late);
    for (const peer of [there, late]) expect(picture(peer)).toEqual(picture(here));
    await late.admit([late.composeWrite(bob, { "label/d": 1 })]);
    expect(valueOf(late, "label/d")).toBeUndefined();
  });

  it("is empty when the cut names nothing", async () => {
    const { here, bob } = await twoHalves();
    await here.write(alice, { "label/a": "alice's" });
    await here.write(bob, { "label/a": "bob's" });
    expect(valueOf(here, "label/a")).toBe("bob's");
    await here.cut(alice, bob);
    expect(valueOf(here, "label/a")).toBe("alice's");
  });

  it("comes back when the cut itself becomes void", async () => {
    const { here, bob } = await twoHalves();
    const carol = await here.grant(alice, "carol", { rank: 3 });
    await here.write(carol, { "label/a": 1 });
    await here.cut(bob, carol);
    expect(valueOf(here, "label/a")).toBeUndefined();
    await here.cut(alice, bob);
    expect(valueOf(here, "label/a")).toBe(1);
  });

  it("keeps only what two cuts agree on", async () => {
    const equals = found({ founders: { alice: {}, anna: {} } });
    const [one, two] = [equals.founders.alice as Author, equals.founders.anna as Author];
    const peer = await Peer.of(equals);
    const bob = await peer.grant(one, "bob");
    const first = await peer.write(bob, { "label/a": 1 });
    const second = await peer.write(bob, { "label/b": 1 });
    await peer.cut(one, bob, [keepOf(bob, [], second)]);
    expect(valueOf(peer, "label/b")).toBe(1);
    await peer.cut(two, bob, [keepOf(bob, [], first)]);
    expect([valueOf(peer, "label/a"), valueOf(peer, "label/b")]).toEqual([1, undefined]);
  });
});

describe("a ledger that forks", () => {
  it("stops at the fork on every peer, whichever branch came first, and a cut can name the honest branch", async () => {
    const { here, bob, there } = await twoHalves();
    await here.write(bob, { "label/a": 1 });
    await there.learnFrom(here);
    const mine = await here.write(bob, { "label/b": "mine" });
    await there.write(bob, { "label/b": "copied" });
    await there.write(bob, { "label/c": 1 });
    expect([valueOf(here, "label/b"), valueOf(there, "label/b")]).toEqual(["mine", "copied"]);
    await heal(here, there);
    for (const peer of [here, there]) {
      expect([valueOf(peer, "label/a"), valueOf(peer, "label/b"), valueOf(peer, "label/c")]).toEqual([
        1,
        undefined,
        undefined,
      ]);
      expect(peer.replica.chain(toHex(bob.log), CLASS_DESIRED)?.shape).toBe("forked");
    }
    expect(stateHash(here)).toBe(stateHash(there));
    await here.cut(alice, bob, [keepOf(bob, [], mine)]);
    await heal(here, there);
    expect([valueOf(there, "label/a"), valueOf(there, "label/b")]).toEqual([1, "mine"]);
    expect(stateHash(here)).toBe(stateHash(there));
  });

  it("at its very first entry counts for nothing", async () => {
    const { here, bob, there } = await twoHalves();
    await here.write(bob, { "label/a": 1 });
    await there.write(bob, { "label/a": 2 });
    await heal(here, there);
    expect([valueOf(here, "label/a"), valueOf(there, "label/a")]).toEqual([undefined, undefined]);
    expect(stateHash(here)).toBe(stateHash(there));
  });

  it("into many branches keeps any of them, whichever came first", async () => {
    const { here, bob } = await twoHalves();
    const branches: Entry<never>[] = [];
    for (let i = 0; i < 40; i++) {
      const side = await here.twin();
      branches.push((await side.write(bob, { "label/a": i })) as Entry<never>);
    }
    const [up, down] = [await here.twin(), await here.twin()];
    await up.take(branches);
    await down.take(branches.toReversed());
    const chosen = branches[33] as Entry<never>;
    const cut = await up.cut(alice, bob, [keepOf(bob, [], chosen)]);
    await down.take([cut]);
    expect([valueOf(up, "label/a"), valueOf(down, "label/a")]).toEqual([33, 33]);
  });

  it("continues for its writer, if a peer asks, from the last entry before the fork", async () => {
    const { here, bob, there } = await twoHalves();
    await here.write(bob, { "label/a": 1 });
    await there.learnFrom(here);
    await here.write(bob, { "label/b": 1 });
    await there.write(bob, { "label/c": 1, "label/d": 1 });
    await heal(here, there);
    for (const peer of [here, there]) {
      const chain = peer.replica.chain(toHex(bob.log), CLASS_DESIRED);
      const document = chain?.documentAt(chain.main.at(-1) ?? null);
      expect([document?.next, document?.places()]).toEqual([1, [["label/a", 0]]]);
    }
  });
});

describe("a chain", () => {
  it("is written by its own key and to its own log", async () => {
    const { here, bob } = await twoHalves();
    const web1 = await here.enrol(alice, "web-1");
    const wrongKey = "written by another key than its log's";
    const refused = async (author: Author, reason: string) => {
      const entry = here.composeWrite(author, { "label/a": 1 });
      expect(await here.admit([entry])).toMatchObject([{ state: "refused", reason }]);
    };
    await refused({ ...bob, log: alice.log }, wrongKey);
    await refused({ ...web1, log: alice.log }, wrongKey);
    await refused(web1, "a log of kind node cannot carry this");
    await refused(await here.role(alice, web1, "coordinator"), "a log of kind role cannot carry this");
    await refused(await here.grant(alice, "carol", { rights: ["admin"] }), "its log has no right to operate");
    await refused({ ...bob, signer: signerOf("mallory") }, wrongKey);
    const audit = link(here, alice, null, bytesFor("x"), { class: CLASS_AUDIT, hlc: { ms: AT, count: 1 } });
    expect(await here.admit([audit])).toMatchObject([{ state: "refused" }]);
  });

  it("waits for the entry that opens its log", async () => {
    const { here, bob, there } = await twoHalves();
    const early = await Peer.of(founding);
    await here.write(bob, { "label/a": 1 });
    const [entry] = here.replica.chain(toHex(bob.log), CLASS_DESIRED)?.main ?? [];
    expect(await early.admit([entry?.entry as Entry])).toMatchObject([{ state: "waiting" }]);
    await early.take([there.replica.graph.at(1).entry]);
    expect(valueOf(early, "label/a")).toBe(1);
  });

  it("refuses a clock that does not go on, a payload that is no update, and another's signature", async () => {
    const { here, bob } = await twoHalves();
    const tip = await here.write(bob, { "label/a": 1 });
    const stale = link(here, bob, tip, here.composeWrite(bob, { "label/a": 2 }).payload, { hlc: tip.header.hlc });
    expect(await here.admit([stale])).toMatchObject([{ state: "refused", reason: "the clock does not go on" }]);
    const noise = link(here, bob, tip, bytesFor("noise"), { hlc: { ms: AT * 2, count: 0 } });
    expect(await here.admit([noise])).toMatchObject([{ state: "refused" }]);
    const honest = here.composeWrite(bob, { "label/a": 2 });
    const bytes = Uint8Array.from(honest.bytes);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    expect(await here.replica.admit([bytes], "gossip")).toMatchObject([
      { state: "refused", reason: "the signature is wrong" },
    ]);
    expect(await here.admit([honest])).toMatchObject([{ state: "admitted" }]);
  });

  it("is covered by the signature on its last entry; an unsigned end waits for one", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(alice, "web-1");
    const run = auditRun(peer, web1, 5);
    const bare = run.slice(0, 4).map(unsigned);
    const answers = await peer.admit(bare);
    expect(answers.map(({ state }) => state)).toEqual(["waiting", "waiting", "waiting", "waiting"]);
    expect(peer.replica.chain(toHex(web1.log), CLASS_AUDIT)).toBeUndefined();
    await peer.take([run[4] as Entry]);
    expect(peer.replica.chain(toHex(web1.log), CLASS_AUDIT)?.main.length).toBe(5);
  });

  it("loses a run again whose cover is refused: no other peer could be convinced of it", async () => {
    const { here, bob } = await twoHalves();
    await here.write(bob, { "label/a": 1 });
    const author = await here.twin();
    const one = await author.write(bob, { "label/a": 2 });
    const bad = link(author, bob, one, bytesFor("noise"), { hlc: { ms: AT * 2, count: 0 } });
    const told: Entry[] = [];
    here.replica.onGrowth(({ entries }) => told.push(...entries));
    const answers = await here.admit([unsigned(one), bad]);
    expect(answers.map(({ state }) => state)).toEqual(["refused", "refused"]);
    expect(told).toEqual([]);
    expect(valueOf(here, "label/a")).toBe(1);
    await here.take([one]);
    expect(valueOf(here, "label/a")).toBe(2);
    expect(stateHash(here)).toBe(stateHash(author));
  });

  it("does not take a copy without signature in place of one that has it", async () => {
    const { here, bob } = await twoHalves();
    const author = await here.twin();
    const one = await author.write(bob, { "label/a": 1 });
    const two = await author.write(bob, { "label/a": 2 });
    await here.admit([two]);
    await here.admit([unsigned(two)]);
    await here.take([one]);
    const stored = here.replica.chain(toHex(bob.log), CLASS_DESIRED)?.find(two.id)?.entry;
    expect(stored?.signatures.length).toBe(1);
  });

  it("is taken in any order and in one go, also when it is long and comes backwards", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(alice, "web-1");
    await peer.take(auditRun(peer, web1, 500).toReversed());
    expect(peer.replica.chain(toHex(web1.log), CLASS_AUDIT)?.main.length).toBe(500);
  });
});

describe("a node's report", () => {
  it("is replaced by its next version and by no older one", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(alice, "web-1");
    const [one, two] = [report(peer, web1, 1, "one"), report(peer, web1, 2, "two")];
    await peer.take([two]);
    expect(await peer.admit([one])).toMatchObject([{ state: "known" }]);
    expect(peer.replica.observed.get(toHex(web1.log))).toMatchObject({ state: "record", entry: { id: two.id } });
    expect(await peer.admit([report(peer, alice, 1, "x")])).toMatchObject([{ state: "refused" }]);
  });

  it("that forks counts no more, on every peer that is shown the proof, also after later versions", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(alice, "web-1");
    const [one, other] = [report(peer, web1, 1, "one"), report(peer, web1, 1, "other")];
    const late = await peer.twin();
    await peer.take([one, other]);
    await late.take([report(peer, web1, 2, "two")]);
    const log = toHex(web1.log);
    expect([peer.replica.observed.get(log)?.state, late.replica.observed.get(log)?.state]).toEqual([
      "forked",
      "record",
    ]);
    await late.admit([one, other]);
    expect(late.replica.observed.get(log)?.state).toBe("forked");
    expect(await late.admit([report(peer, web1, 3, "three")])).toMatchObject([{ state: "known" }]);
  });
});
