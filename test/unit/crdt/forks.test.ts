import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import type { Chain, ChainLink } from "../../../src/crdt/chain.ts";
import { CLASS_DESIRED, type ChainHeader, type Entry } from "../../../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../../../src/crdt/ledger/document-cursor.ts";
import { AT, type Author, found, keys, link, Peer, picture, unsigned } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;
const PATHS = ["label/a", "label/b", "label/c"];

function chainOf(peer: Peer, author: Author): Chain | undefined {
  return peer.replica.chain(toHex(author.log), CLASS_DESIRED);
}

/** A link of bob's on any of his links, or on none. */
function grow(peer: Peer, bob: Author, on: number, paths: readonly string[], value: number): Entry<ChainHeader> {
  const chain = chainOf(peer, bob);
  const links = chain?.links() ?? [];
  const prev = links.length === 0 ? null : (links[on % (links.length + 1)] ?? null);
  const cursor = chain?.documentAt(prev) ?? new DocumentCursor(keys, bob.log);
  const hlc = { ms: AT + (prev?.entry.header.seq ?? 0) + 1, count: value };
  const payload = cursor.encode(
    paths.map((path) => ({ path, value, over: [] })),
    hlc,
  );
  return link(peer, bob, prev?.entry ?? null, payload, { hlc });
}

const step = fc.record({
  on: fc.nat(40),
  paths: fc.uniqueArray(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 3 }),
});

describe("a writer who forks again and again", () => {
  it("leaves the same with whoever saw it grow and whoever gets it all at once", async () => {
    const start = await Peer.of(founding);
    const bob = await start.grant(alice, "bob");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), fc.integer(), async (steps, seed) => {
        const here = await start.twin();
        for (const [value, { on, paths }] of steps.entries()) {
          await here.take([grow(here, bob, on, paths, value)]);
          // The view goes on from the last one, link by link.
          here.replica.view();
        }
        const there = await start.twin();
        const links = here.entries().filter(({ header }) => header.kind === "chain");
        await there.take(links.toSorted((a, b) => ((a.hash[seed & 31] ?? 0) < (b.hash[seed & 31] ?? 0) ? -1 : 1)));
        expect(picture(there)).toEqual(picture(here));
        for (const tip of chainOf(here, bob)?.links() ?? []) expectDocument(here, bob, tip);
      }),
      { numRuns: 60 },
    );
  });

  it("has the document of any of its links, as if it were read from the beginning", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    for (let i = 0; i < 60; i++) await here.take([grow(here, bob, i * 7, [PATHS[i % 3] as string], i)]);
    for (const tip of chainOf(here, bob)?.links() ?? []) expectDocument(here, bob, tip);
  });
});

function expectDocument(peer: Peer, bob: Author, tip: ChainLink): void {
  const cursor = new DocumentCursor(keys, bob.log);
  const path: ChainLink[] = [];
  for (let at: ChainLink | null = tip; at !== null; at = at.prev) path.unshift(at);
  for (const { entry } of path) cursor.advance(entry.payload, entry.header.hlc);
  const document = chainOf(peer, bob)?.documentAt(tip);
  expect([document?.next, document?.places().sort(byPath)]).toEqual([cursor.next, cursor.places().sort(byPath)]);
}

function byPath([a]: readonly [string, number], [b]: readonly [string, number]): number {
  return a < b ? -1 : 1;
}

describe("links whose cover is refused", () => {
  it("leave the ledger as if they had never come, on the line and beside it", async () => {
    const here = await Peer.of(founding);
    const bob = await here.grant(alice, "bob");
    const first = await here.write(bob, { "label/a": 1 });
    await here.write(bob, { "label/b": 1 });
    const before = picture(here);
    const [line, side] = [await here.twin(), await here.twin()];
    const next = line.composeWrite(bob, { "label/c": 1 });
    const badNext = link(line, bob, next, new Uint8Array([1, 2, 3]), { hlc: { ms: AT + 900, count: 0 } });
    await line.admit([unsigned(next), badNext]);
    expect(picture(line)).toEqual(before);

    const cursor = chainOf(side, bob)?.documentAt(chainOf(side, bob)?.main[0] as ChainLink) as DocumentCursor;
    const hlc = { ms: AT + 800, count: 0 };
    const beside = link(side, bob, first, cursor.encode([{ path: "label/z", value: 1, over: [] }], hlc), { hlc });
    const badBeside = link(side, bob, beside, new Uint8Array([1, 2, 3]), { hlc: { ms: AT + 900, count: 0 } });
    await side.admit([unsigned(beside), badBeside]);
    expect(picture(side)).toEqual(before);

    for (const peer of [line, side]) {
      await peer.write(bob, { "label/d": 1 });
      expect(peer.replica.view().desired("label/d")?.value).toBe(1);
    }
  });
});
