import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../sim/random.ts";
import { toHex } from "../../../src/core/bytes.ts";
import { decode, encode, MalformedError, type Plain } from "../../../src/core/encoding.ts";
import type { ExchangeOutcome } from "../../../src/core/ports/exchange.ts";
import { MAX_FRAME_BYTES } from "../../../src/core/ports/link.ts";
import { type ChainHeader, CLASS_AUDIT, type Entry } from "../../../src/crdt/entry/entry.ts";
import { Inventory } from "../../../src/crdt/sync/inventory.ts";
import { ReplicaExchange } from "../../../src/crdt/sync/exchange.ts";
import {
  type Author,
  auditRun,
  bytesFor,
  found,
  grantBody,
  keys,
  link,
  Peer,
  picture,
  report,
  unsigned,
} from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;
const exchangeOf = (peer: Peer) => new ReplicaExchange(peer.replica, keys);

interface Trace {
  readonly steps: number;
  readonly bytes: number;
  readonly outcome: ExchangeOutcome;
}

/** One round that `asking` begins, over a link that carries no larger frames than a real one. */
async function round(asking: ReplicaExchange, answering: Pick<ReplicaExchange, "answer">): Promise<Trace> {
  const round = asking.begin();
  let [steps, bytes] = [0, 0];
  for (let request: Uint8Array | null = round.request; request !== null; steps++) {
    const answer: Uint8Array = await answering.answer(request);
    expect(Math.max(request.length, answer.length)).toBeLessThan(MAX_FRAME_BYTES);
    bytes += request.length + answer.length;
    request = await round.next(answer);
  }
  return { steps, bytes, outcome: round.outcome };
}

function expectSame(one: Peer, two: Peer): void {
  expect(picture(one)).toEqual(picture(two));
  expect(toHex(exchangeOf(one).inventory.digest(""))).toBe(toHex(exchangeOf(two).inventory.digest("")));
}

describe("an inventory", () => {
  it("that goes on with its replica says what a new one says, whether little has come, or much, or what goes again", async () => {
    const peer = await Peer.of(founding);
    const inventory = new Inventory(peer.replica, keys);
    const places = ["", ..."0123456789abcdef"];
    const isUpToDate = () => {
      inventory.update(peer.replica);
      const anew = new Inventory(peer.replica, keys);
      for (const at of places) {
        expect([at, toHex(inventory.digest(at)), inventory.under(at)]).toEqual([
          at,
          toHex(anew.digest(at)),
          anew.under(at),
        ]);
      }
    };
    const members: Author[] = [];
    for (let i = 0; i < 100; i++) {
      members.push(await peer.enrol(alice, `web-${i}`));
      if (i % 10 === 0) isUpToDate();
    }
    for (const [i, member] of members.slice(0, 20).entries()) {
      await peer.take([...auditRun(peer, member, 1 + i), report(peer, member, 1, "hello")]);
      isUpToDate();
    }
    await peer.take(members.map((member) => report(peer, member, 2, "there")));
    isUpToDate();
    // More than it looks at one by one.
    await peer.take(auditRun(peer, members[50] as Author, 600));
    isUpToDate();
    // What covers the first is refused: its chain goes again.
    const [bare] = auditRun(peer, members[60] as Author, 1) as [Entry<ChainHeader>];
    const { hlc } = bare.header;
    const wrong = link(peer, members[60] as Author, bare, bytesFor("no later"), { class: CLASS_AUDIT, hlc });
    const batch = [unsigned(bare), wrong, ...auditRun(peer, members[61] as Author, 1)];
    const answers = await peer.replica.admit(
      batch.map(({ bytes }) => bytes),
      "gossip",
    );
    expect(answers.map(({ state }) => state)).toEqual(["refused", "refused", "admitted"]);
    isUpToDate();
  });
});

describe("an exchange", () => {
  it("between equals is one question and one answer", async () => {
    const peer = await Peer.of(founding);
    const trace = await round(exchangeOf(peer), exchangeOf(await peer.twin()));
    expect(trace).toMatchObject({ steps: 1, outcome: { verdict: "same", received: 0, sent: 0 } });
    expect(trace.bytes).toBeLessThan(200);
  });

  it("brings two halves of a mesh together, both ways in one round", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    const web1 = await here.enrol(alice, "web-1");
    const there = await here.twin();
    await here.write(alice, { "label/a": 1 });
    await here.write(alice, { "label/b": 1 });
    await here.enrol(alice, "web-2");
    await there.write(bob, { "label/a": 2 });
    await there.role(bob, web1, "secret-store");
    await there.take([...auditRun(there, web1, 3), report(there, web1, 1, "hello")]);
    const trace = await round(exchangeOf(here), exchangeOf(there));
    expect(trace.outcome).toEqual({ verdict: "exchanged", received: 6, sent: 3 });
    expect(trace.steps).toBeLessThanOrEqual(4);
    expectSame(here, there);
    expect((await round(exchangeOf(there), exchangeOf(here))).outcome.verdict).toBe("same");
  });

  it("continues a chain from the last common entry, and carries both branches of a fork", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    for (let i = 0; i < 60; i++) await here.write(bob, { "label/a": i });
    const there = await here.twin();
    for (let i = 0; i < 5; i++) await here.write(bob, { "label/b": i });
    expect((await round(exchangeOf(there), exchangeOf(here))).outcome).toMatchObject({ received: 5, sent: 0 });
    const copied = await there.twin();
    await here.write(bob, { "label/c": 1 });
    await copied.write(bob, { "label/c": 2 });
    expect((await round(exchangeOf(copied), exchangeOf(here))).outcome).toMatchObject({ received: 1, sent: 1 });
    expectSame(here, copied);
  });

  it("brings a new member everything: 2,000 authority entries and 3,000 links, in few messages", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(alice, "web-1");
    let tips: Entry[] = [web1.entry];
    for (let i = 0; i < 250; i++) {
      const wave = Array.from({ length: 8 }, (_, j) =>
        peer.compose(alice, { type: "approve", entry: bytesFor(`${i} ${j}`) }, tips),
      );
      await peer.take(wave);
      tips = wave;
    }
    await peer.take(auditRun(peer, web1, 3000));
    expect(peer.replica.graph.entries.length).toBe(2002);

    const fresh = await Peer.of(founding);
    const pulled = await round(exchangeOf(fresh), exchangeOf(peer));
    expect(pulled.outcome).toMatchObject({ verdict: "exchanged", received: 5001 });
    expect(pulled.steps).toBeLessThan(12);
    expectSame(fresh, peer);

    const other = await Peer.of(founding);
    const pushed = await round(exchangeOf(peer), exchangeOf(other));
    expect(pushed.outcome).toMatchObject({ verdict: "exchanged", sent: 5001 });
    expect(pushed.steps).toBeLessThan(12);
    expectSame(other, peer);
  });

  it("between two large replicas names little more than what differs", async () => {
    const here = await Peer.of(founding);
    const parents = [founding.genesis];
    const grants = Array.from({ length: 1000 }, (_, i) => here.compose(alice, { ...grantBody("bob"), at: i }, parents));
    await here.take(grants);
    const there = await here.twin();
    await here.enrol(alice, "web-1");
    await there.enrol(alice, "web-2");
    const trace = await round(exchangeOf(here), exchangeOf(there));
    expect(trace.outcome).toMatchObject({ received: 1, sent: 1 });
    expect(trace.bytes).toBeLessThan(32 * 1024);
    expectSame(here, there);
  });

  it("goes on where a side answers only some of the places at a time", async () => {
    const here = await Peer.of(founding);
    const parents = [founding.genesis];
    await here.take(
      Array.from({ length: 400 }, (_, i) => here.compose(alice, { ...grantBody("bob"), at: i }, parents)),
    );
    const fresh = await Peer.of(founding);
    const full = exchangeOf(here);
    const terse = {
      answer: async (request: Uint8Array) => {
        const answer = decode(await full.answer(request)) as Record<string, Plain>;
        return encode(Array.isArray(answer.nodes) ? { nodes: (answer.nodes as Plain[]).slice(0, 3) } : answer);
      },
    };
    expect((await round(exchangeOf(fresh), terse)).outcome.received).toBe(400);
  });

  it("carries links under one signature together, also where a message ends", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(alice, "web-1");
    const large = new Uint8Array(60_000).fill(7);
    const run: Entry<never>[] = [];
    for (let i = 0; i < 40; i++) {
      const position = { class: CLASS_AUDIT, hlc: { ms: i + 1, count: 0 } };
      run.push(link(peer, web1, run.at(-1) ?? null, large, position) as Entry<never>);
    }
    // One message holds seventeen of them: without the eighteenth it would say nothing.
    const sparse = run.map((entry, i) => (i % 18 < 17 && i < 39 ? unsigned(entry) : entry));
    await peer.take(sparse);
    const fresh = await Peer.of(founding);
    expect((await round(exchangeOf(fresh), exchangeOf(peer))).outcome.received).toBe(41);
    expectSame(fresh, peer);
    const other = await Peer.of(founding);
    expect((await round(exchangeOf(peer), exchangeOf(other))).outcome.sent).toBe(41);
    expectSame(other, peer);
  });

  it("shows a forked report to whoever has not seen the proof, and then is at rest", async () => {
    const here = await Peer.of(founding);
    const web1 = await here.enrol(alice, "web-1");
    const there = await here.twin();
    await here.take([report(here, web1, 1, "one"), report(here, web1, 1, "other")]);
    await there.take([report(here, web1, 2, "two")]);
    await round(exchangeOf(there), exchangeOf(here));
    expect(there.replica.observed.get(toHex(web1.log))?.state).toBe("forked");
    expect((await round(exchangeOf(here), exchangeOf(there))).outcome.verdict).toBe("same");
  });

  it("brings the later of two reports, from either side", async () => {
    const here = await Peer.of(founding);
    const web1 = await here.enrol(alice, "web-1");
    const there = await here.twin();
    await here.take([report(here, web1, 1, "one")]);
    await there.take([report(here, web1, 2, "two")]);
    const third = await here.twin();
    await round(exchangeOf(here), exchangeOf(there));
    await round(exchangeOf(there), exchangeOf(third));
    for (const peer of [here, third]) {
      expect(peer.replica.observed.get(toHex(web1.log))).toMatchObject({ entry: { header: { seq: 2 } } });
    }
  });

  it("raises no alarm when something new comes between question and answer", async () => {
    const here = await Peer.of(founding);
    const there = await here.twin();
    const round = exchangeOf(here).begin();
    const answer = await exchangeOf(there).answer(round.request);
    await here.write(alice, { "label/a": 1 });
    expect(await round.next(answer)).toBeNull();
    expect(round.outcome.verdict).toBe("same");
  });

  it("says so when equal entries give another state", async () => {
    const peer = await Peer.of(founding);
    const liar = {
      answer: async (request: Uint8Array) =>
        encode({ root: (decode(request) as { root: Plain }).root, state: bytesFor("lie") }),
    };
    expect((await round(exchangeOf(peer), liar)).outcome.verdict).toBe("diverged");
  });
});

describe("a lying peer", () => {
  async function against(answer: (request: Record<string, Plain>) => Plain | Promise<Plain>): Promise<Trace> {
    const peer = await Peer.of(founding);
    await peer.write(alice, { "label/a": 1 });
    const before = picture(peer);
    const liar = {
      answer: async (bytes: Uint8Array) => encode(await answer(decode(bytes) as Record<string, Plain>)),
    };
    try {
      return await round(exchangeOf(peer), liar);
    } finally {
      expect(picture(peer)).toEqual(before);
    }
  }
  const hashes = (from: number, count: number) => Array.from({ length: count }, (_, i) => bytesFor(`${from + i}`));

  it("with answers that are none ends the round", async () => {
    for (const answer of [null, 1, [], {}, { unknown: true }, { items: 5 }, { children: [1] }, { items: [[9, 9]] }]) {
      await expect(against(() => answer)).rejects.toThrow(MalformedError);
    }
    const peer = await Peer.of(founding);
    await expect(peer.replica && exchangeOf(peer).begin().next(bytesFor("noise"))).rejects.toThrow(MalformedError);
  });

  it("with a tree that never ends is not followed for ever", async () => {
    let count = 0;
    const endless = () => ({ children: hashes((count += 16), 16) });
    const trace = await against((request) =>
      request.q === "walk" ? { nodes: (request.places as Plain[]).map(endless) } : endless(),
    ).catch((error: unknown) => error);
    // Sixty-four digits down there is no further: a tree that goes on is a lie.
    if (trace instanceof Error) expect(trace).toBeInstanceOf(MalformedError);
    else expect((trace as Trace).steps).toBeLessThanOrEqual(65);
  });

  it("with a tree that never ends has nothing of it remembered", async () => {
    const peer = await Peer.of(founding);
    let hashed = 0;
    const counted = { ...keys, hash: (bytes: Uint8Array) => (hashed++, keys.hash(bytes)) };
    const inventory = new Inventory(peer.replica, counted);
    const cost = (place: string) => {
      const before = hashed;
      inventory.children(place);
      return hashed - before;
    };
    // The whole of a small replica is one leaf. What is asked below it is made anew, and where there is nothing, not at all.
    const inLeaf = toHex(peer.replica.graph.at(0).entry.hash).slice(0, 1);
    expect([cost(inLeaf), cost(inLeaf)]).toEqual([1, 1]);
    expect(cost("abcdef0123456789")).toBe(0);
  });

  it("with items that it does not have, and answers to nothing, is left", async () => {
    const trace = await against((request) => {
      if (request.q === "root") return { items: hashes(0, 64).map((id) => [1, id]) };
      return { entries: [], more: true, nodes: [] };
    });
    expect(trace.steps).toBeLessThanOrEqual(4);
  });

  it("that promises more for ever, with entries of no use, is left", async () => {
    const junk = hashes(0, 20);
    const trace = await against((request) => {
      if (request.q === "root") return { items: hashes(0, 64).map((id) => [1, id]) };
      return { entries: junk, more: true };
    });
    expect(trace.steps).toBeLessThanOrEqual(4);
  });

  it("that has always one thing more is left for this time", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(alice, "web-1");
    const run = auditRun(peer, web1, 200);
    let given = 0;
    const liar = {
      answer: async (bytes: Uint8Array) => {
        const { q } = decode(bytes) as { q: string };
        if (q === "root") return encode({ items: [[2, web1.log, CLASS_AUDIT, [[999, bytesFor("tip")]]]] });
        return encode({ entries: [run[given++]?.bytes ?? new Uint8Array(0)], more: true });
      },
    };
    expect((await round(exchangeOf(peer), liar)).steps).toBe(65);
  });

  it("with tips that nobody has is not given whole chains for it", async () => {
    const peer = await Peer.of(founding);
    const web1 = await peer.enrol(alice, "web-1");
    await peer.take(auditRun(peer, web1, 50));
    const authority = peer.replica.graph.entries.map(({ entry }) => [1, entry.hash]);
    const liar = {
      answer: async (bytes: Uint8Array) =>
        encode(
          (decode(bytes) as { q: string }).q === "root"
            ? { items: [...authority, [2, web1.log, CLASS_AUDIT, [[99, bytesFor("tip")]]]] }
            : { entries: [], more: false },
        ),
    };
    expect((await round(exchangeOf(peer), liar)).outcome.sent).toBe(0);
  });

  it("with requests that are none gets an error and changes nothing", async () => {
    const peer = await Peer.of(founding);
    const before = picture(peer);
    const exchange = exchangeOf(peer);
    const random = seededRandom("requests");
    const requests: Plain[] = [
      {},
      { q: 1 },
      { q: "later", words: 1 },
      { q: "walk" },
      { q: "walk", places: ["xyz"] },
      { q: "walk", places: Array(2000).fill("") },
      { q: "want" },
      { q: "want", authority: [1], chains: [], observed: [] },
      { q: "give", entries: 1 },
      { q: "give", entries: ["text"] },
    ];
    for (const request of requests)
      await exchange.answer(encode(request)).catch((error: unknown) => expect(error).toBeInstanceOf(MalformedError));
    for (let i = 0; i < 500; i++) {
      await exchange
        .answer(random.bytes(random.below(200)))
        .catch((error: unknown) => expect(error).toBeInstanceOf(MalformedError));
    }
    await exchange.answer(encode({ q: "give", entries: hashes(0, 50) }));
    expect(picture(peer)).toEqual(before);
    expect(decode(await exchange.answer(encode({ q: "later" })))).toEqual({ unknown: true });
  });

  it("with entries that are not its to make changes no honest view", async () => {
    const peer = await Peer.of(founding);
    const nas1 = await peer.enrol(alice, "nas-1");
    const before = picture(peer);
    const role = peer.compose(nas1, { type: "role", node: nas1.log, label: "secret-store", at: 1 });
    const ledger = peer.composeWrite({ ...nas1, log: alice.log }, { "label/a": 1 });
    const anothers = report(peer, { ...nas1, log: alice.log }, 1, "x");
    await exchangeOf(peer).answer(encode({ q: "give", entries: [role.bytes, ledger.bytes, anothers.bytes] }));
    expect(picture(peer)).toEqual(before);
  });
});
