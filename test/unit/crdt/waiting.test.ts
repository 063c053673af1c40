import { describe, expect, it } from "vitest";
import type { ChainHeader, Entry } from "../../../src/crdt/entry/entry.ts";
import { Waiting } from "../../../src/crdt/waiting.ts";
import { type Author, bytesFor, found, link, Peer } from "./fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

async function scene() {
  const peer = await Peer.of(founding);
  const bob = await peer.grant(alice, "bob");
  const after = (author: Author, tip: Entry<ChainHeader>, ms: number) =>
    link(peer, author, tip, new Uint8Array(8), { hlc: { ms, count: 0 } });
  const gap = (name: string) => ({ header: { seq: 1 }, hash: bytesFor(name) }) as Entry<ChainHeader>;
  /** Three links of one chain, and one of bob's that has nothing to do with them. */
  const first = after(alice, gap("before the first"), 1);
  const second = after(alice, first, 2);
  const third = after(alice, second, 3);
  const other = after(bob, gap("somewhere else"), 4);
  const waiting = new Waiting();
  const wait = (...entries: readonly Entry[]) => waiting.replace(entries, new Set());
  const act = peer.replica.graph.entries[1]?.entry as Entry;
  return { peer, bob, after, gap, waiting, wait, first, second, third, other, act };
}

describe("what waits", () => {
  it("is not looked at for a write that it has nothing to do with, be it of the same author", async () => {
    const { after, gap, bob, waiting, wait, first, second, third, other } = await scene();
    wait(first, second, third, other);
    expect(waiting.touchedBy([after(bob, gap("his next"), 5), after(alice, gap("her next"), 6)])).toEqual([]);
  });

  it("is looked at when what it follows comes, with all behind that, in the order of its coming", async () => {
    const { waiting, wait, first, second, third, other } = await scene();
    wait(third, other, second);
    expect(waiting.touchedBy([first])).toEqual([third, second]);
    wait();
    expect(waiting.touchedBy([first])).toEqual([]);
  });

  it("is looked at when a later link comes, whose signature may cover it, and when it comes again itself", async () => {
    const { waiting, wait, first, second, third, other } = await scene();
    wait(first, other, second);
    expect(waiting.touchedBy([third])).toEqual([first, second]);
    expect(waiting.touchedBy([other])).toEqual([other]);
  });

  it("is all looked at after an act of authority, which may open any log", async () => {
    const { waiting, wait, first, other, act } = await scene();
    wait(other, first);
    expect(waiting.touchedBy([act])).toEqual([other, first]);
    wait(other, act);
    expect(waiting.acts).toEqual([act]);
  });
});

describe("a replica", () => {
  it("admits what waited when its gap is closed, whatever else waits", async () => {
    const { peer, after, gap, bob } = await scene();
    const first = await peer.write(alice, { "label/one": true });
    const elsewhere = await Peer.of(founding);
    await elsewhere.admit(peer.replica.graph.entries.slice(1).map(({ entry }) => entry));
    const crowd = Array.from({ length: 100 }, (_, i) => after(bob, gap(`gap ${i}`), 10 + i));
    const second = await peer.write(alice, { "label/two": true });
    const third = await peer.write(alice, { "label/three": true });
    await elsewhere.admit([third, ...crowd, second]);
    expect(elsewhere.replica.parked.entries).toBe(102);
    await elsewhere.admit([first]);
    expect(elsewhere.replica.parked.entries).toBe(100);
    expect(elsewhere.replica.view().desired("label/three")?.value).toBe(true);
  });
});
