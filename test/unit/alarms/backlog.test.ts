import { describe, expect, it } from "vitest";
import { ownComplaints } from "../../../src/node/alarms/facts.ts";
import type { ChainHeader, Entry } from "../../../src/crdt/entry/entry.ts";
import { type Author, bytesFor, found, link, Peer, signerOf } from "../crdt/fixture.ts";

const founding = found();
const alice = founding.founders.alice as Author;

/** Writes that follow what was never written. */
function orphans(peer: Peer, author: Author, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const hlc = { ms: 1 + i, count: 0 };
    const gap = { header: { seq: 1 }, hash: bytesFor(`gap ${author.name} ${i}`) } as Entry<ChainHeader>;
    return link(peer, author, gap, new Uint8Array(8), { hlc });
  });
}

async function backlogOf(waiting: readonly (readonly [name: string, count: number])[]) {
  const peer = await Peer.of(founding);
  const bob = await peer.grant(alice, "bob");
  for (const [name, count] of waiting) {
    const author = name === "bob" ? bob : { name, signer: signerOf(name), log: bytesFor(name) };
    await peer.admit(orphans(peer, author, count));
  }
  // Whatever else a machine may complain of is not asked here.
  return ownComplaints({ replica: peer.replica, complaints: () => [] } as unknown as Parameters<
    typeof ownComplaints
  >[0]);
}

describe("entries that wait", () => {
  it("are a complaint about whoever sent so many of them, by name", async () => {
    expect(await backlogOf([["bob", 127]])).toEqual([]);
    expect(await backlogOf([["bob", 128]])).toMatchObject([{ kind: "backlog", subject: "bob" }]);
    const [, stranger] = await backlogOf([
      ["bob", 130],
      ["mallory", 130],
    ]);
    expect(stranger).toMatchObject({ kind: "backlog", subject: expect.stringMatching(/^[0-9a-f]{12}$|^bob$/) });
  });

  it("of many authors are one, however many they are", async () => {
    const crowd = Array.from({ length: 26 }, (_, i) => [`nobody ${i}`, 10] as const);
    expect(await backlogOf(crowd)).toMatchObject([{ kind: "backlog", subject: "" }]);
  });
});
