import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import type { Json } from "../../../src/core/json.ts";
import { checkpointBody, checkpointState } from "../../../src/crdt/checkpoint.ts";
import type { ChainHeader, Entry } from "../../../src/crdt/entry/entry.ts";
import { AT, type Author, bytesFor, found, keepOf, keys, Peer, picture } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

const valueOf = (peer: Peer, path: string): Json | undefined => peer.replica.view().desired(path)?.value;

/** bob wrote label/a; then one hand of his wrote `honest`, and another, that did not know of it, wrote `copied`. */
async function forkOfBob(over = founding) {
  const by = over.founders.alice as Author;
  const here = await Peer.of(over);
  const bob = await here.grant(by, "bob");
  const first = await here.write(bob, { "label/a": 1 });
  const there = await here.twin();
  const honest = [await here.write(bob, { "label/b": "honest" }), await here.write(bob, { "label/c": "honest" })];
  const copied = [await there.write(bob, { "label/b": "copied" }), await there.write(bob, { "label/d": "copied" })];
  const before = await here.twin();
  await here.learnFrom(there);
  return { here, bob, by, first, honest, copied, before };
}

describe("a checkpoint", () => {
  it("says which branch of a forked ledger counts, and what follows on it counts again", async () => {
    const { here, bob, honest, before } = await forkOfBob();
    expect([valueOf(here, "label/a"), valueOf(here, "label/b")]).toEqual([1, undefined]);
    await here.checkpoint(alice, [honest[0] as Entry<ChainHeader>]);
    expect(["a", "b", "c", "d"].map((name) => valueOf(here, `label/${name}`))).toEqual([
      1,
      "honest",
      "honest",
      undefined,
    ]);
    const later = before.composeWrite(bob, { "label/e": 5 });
    await here.take([later]);
    expect(valueOf(here, "label/e")).toBe(5);
  });

  it("counts alike on every peer, whatever came first", async () => {
    const { here, honest, copied } = await forkOfBob();
    const pin = await here.checkpoint(alice, [honest[1] as Entry<ChainHeader>]);
    const [early, late] = [await Peer.of(founding), await Peer.of(founding)];
    const authority = here.replica.graph.entries.map(({ entry }) => entry);
    const links = here.entries().filter(({ header }) => header.kind === "chain");
    await early.take([...authority, ...links]);
    await late.take(authority.filter(({ id }) => id !== pin.id));
    await late.admit([...copied, ...links.toReversed()]);
    await late.take([pin]);
    for (const peer of [early, late]) expect(picture(peer)).toEqual(picture(here));
  });

  it("makes a fork below its pin evidence and nothing more", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    await here.write(bob, { "label/a": 1 });
    const thief = await here.twin();
    await here.write(bob, { "label/b": 1 });
    await here.checkpoint(alice, [bob]);
    await here.write(bob, { "label/c": 1 });
    await thief.write(bob, { "label/b": "stolen" });
    await here.learnFrom(thief);
    expect(["a", "b", "c"].map((name) => valueOf(here, `label/${name}`))).toEqual([1, 1, 1]);
    expect(here.replica.view().forks()).toMatchObject([{ writer: "bob", of: "desired", seq: 2, state: "settled" }]);
  });

  it("of the author's own pins too, but of an equal or a junior does not", async () => {
    const equals = found({ founders: { alice: {}, anna: {} } });
    const anna = equals.founders.anna as Author;
    const { here, bob, honest, copied } = await forkOfBob(equals);
    const peer = await here.grant(anna, "carol");
    const junior = await here.grant(anna, "dave", { rank: 3 });
    for (const by of [peer, junior]) await here.checkpoint(by, [copied[0] as Entry<ChainHeader>]);
    expect(valueOf(here, "label/b")).toBeUndefined();
    await here.checkpoint(bob, [honest[0] as Entry<ChainHeader>]);
    expect(valueOf(here, "label/b")).toBe("honest");
    await here.checkpoint(anna, [copied[0] as Entry<ChainHeader>]);
    expect(valueOf(here, "label/b")).toBe("copied");
  });

  it("of a junior only goes on where a senior's ends", async () => {
    const { here, bob, first, honest, copied } = await forkOfBob();
    const carol = await here.grant(alice, "carol", { rank: 1 });
    await here.checkpoint(founding.root, [first]);
    await here.checkpoint(carol, [copied[1] as Entry<ChainHeader>]);
    expect(valueOf(here, "label/d")).toBe("copied");
    await here.checkpoint(founding.root, [honest[0] as Entry<ChainHeader>]);
    expect(["b", "c", "d"].map((name) => valueOf(here, `label/${name}`))).toEqual(["honest", "honest", undefined]);
    await here.checkpoint(bob, [copied[1] as Entry<ChainHeader>]);
    expect(valueOf(here, "label/d")).toBeUndefined();
  });

  it("and another of the same rank that contradicts it leave what they share, and nothing after it", async () => {
    const equals = found({ founders: { alice: {}, anna: {} } });
    const anna = equals.founders.anna as Author;
    const { here, bob, honest, copied, by } = await forkOfBob(equals);
    await here.checkpoint(by, [honest[1] as Entry<ChainHeader>]);
    await here.checkpoint(anna, [copied[1] as Entry<ChainHeader>]);
    expect(["a", "b", "c", "d"].map((name) => valueOf(here, `label/${name}`))).toEqual([
      1,
      undefined,
      undefined,
      undefined,
    ]);
    // A senior to both ends it.
    await here.checkpoint(equals.root, [honest[0] as Entry<ChainHeader>]);
    expect(valueOf(here, "label/c")).toBe("honest");
    expect(bob.name).toBe("bob");
  });

  it("whose link is not here, or has another number, ends the ledger before that number until it comes", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    await here.write(bob, { "label/a": 1 });
    const elsewhere = await here.twin();
    await here.write(bob, { "label/b": 1 });
    await here.write(bob, { "label/c": 1 });
    const unseen = await elsewhere.write(bob, { "label/z": 26 });
    const values = () => ["a", "b", "c", "z"].map((name) => valueOf(here, `label/${name}`));
    await here.checkpoint(alice, [unseen]);
    expect(values()).toEqual([1, undefined, undefined, undefined]);
    expect(here.replica.view().standing("label/b")).toBe("void");
    await here.take([unseen]);
    expect(values()).toEqual([1, undefined, undefined, 26]);

    const wrong = await elsewhere.twin();
    const pins = [{ log: bob.log, seq: 2, hash: unseen.header.prev }];
    await wrong.say(alice, { type: "checkpoint", pins, state: bytesFor("state"), at: AT });
    expect([valueOf(wrong, "label/a"), valueOf(wrong, "label/z")]).toEqual([1, undefined]);
  });

  it("is refused if it pins one ledger twice", async () => {
    const { here, honest } = await forkOfBob();
    const [a, b] = honest as [Entry<ChainHeader>, Entry<ChainHeader>];
    await expect(here.checkpoint(alice, [a, b])).rejects.toThrow("a log is pinned twice");
  });
});

describe("a cut", () => {
  it("takes nothing below what a checkpoint that it knew had pinned", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    const first = await here.write(bob, { "label/a": 1 });
    await here.write(bob, { "label/b": 1 });
    await here.checkpoint(alice, [bob]);
    await here.write(bob, { "label/c": 1 });
    const values = (peer: Peer) => ["a", "b", "c"].map((name) => valueOf(peer, `label/${name}`));
    for (const keeps of [[], [keepOf(bob, [], first)], [keepOf(bob, [], null)]]) {
      const peer = await here.twin();
      await peer.cut(alice, bob, keeps);
      expect(values(peer)).toEqual([1, 1, undefined]);
    }
  });

  it("that did not know the checkpoint goes as deep as it says", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    const first = await here.write(bob, { "label/a": 1 });
    await here.write(bob, { "label/b": 1 });
    const aside = await here.twin();
    const cut = await aside.cut(alice, bob, [keepOf(bob, [], first)]);
    await here.checkpoint(alice, [bob]);
    await here.take([cut]);
    expect([valueOf(here, "label/a"), valueOf(here, "label/b")]).toEqual([1, undefined]);
  });

  it("is not held up by the checkpoints of a thief, nor by those of operators below the founders", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    const carol = await here.grant(alice, "carol", { rank: 3 });
    const first = await here.write(bob, { "label/a": 1 });
    const carols = await here.write(carol, { "label/x": 1 });
    await here.write(bob, { "label/b": 1 });
    await here.write(carol, { "label/y": 1 });
    await here.checkpoint(bob, [bob, carol]);
    await here.cut(alice, bob, [keepOf(bob, [], first)]);
    await here.cut(alice, carol, [keepOf(carol, [], carols)]);
    expect(["a", "b", "x", "y"].map((name) => valueOf(here, `label/${name}`))).toEqual([1, undefined, 1, undefined]);
  });

  it("of a founder does not go below his own pins, unless what he pinned them with is void as well", async () => {
    const here = await Peer.of(founding);
    const start = await here.write(alice, { "label/a": 1 });
    await here.write(alice, { "label/b": 1 });
    const pin = await here.checkpoint(alice, [alice]);
    const [kept, taken] = [await here.twin(), await here.twin()];
    await kept.cut(founding.root, alice, [keepOf(alice, [pin], start)]);
    await taken.cut(founding.root, alice, [keepOf(alice, [], start)]);
    expect([valueOf(kept, "label/b"), valueOf(taken, "label/b")]).toEqual([1, undefined]);
  });
});

describe("the state of a checkpoint", () => {
  it("commits to what the pinned ledgers have come to, whoever makes it", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    await here.write(alice, { "label/a": 1 });
    await here.write(bob, { "label/a": 2, "label/b": { x: [1, "zwei"] } });
    await here.write(alice, { "label/b": undefined });
    const there = await here.twin();
    const linksOf = (peer: Peer) => [...peer.replica.fold.ledgers.values()].map(({ links }) => links);
    const body = checkpointBody(keys, linksOf(here), AT);
    expect(new Map(body.pins.map(({ log, seq }) => [toHex(log), seq]))).toEqual(
      new Map([
        [toHex(alice.log), 2],
        [toHex(bob.log), 1],
      ]),
    );
    expect(toHex(checkpointState(keys, linksOf(there).toReversed()))).toBe(toHex(body.state));
    await there.write(bob, { "label/c": 1 });
    expect(toHex(checkpointState(keys, linksOf(there)))).not.toBe(toHex(body.state));
    expect((await here.say(alice, body)).header.type).toBe("checkpoint");
  });
});
