import { describe, expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { encode } from "../../../src/core/encoding.ts";
import type { Json } from "../../../src/core/json.ts";
import { positionIn } from "../../../src/crdt/compose.ts";
import { type AuthorityHeader, type ChainHeader, type Entry, isChain } from "../../../src/crdt/entry/entry.ts";
import { SCHEME_ED25519 } from "../../../src/core/signature.ts";
import { sealEntry } from "../../../src/crdt/entry/signatures.ts";
import { ReplicaExchange } from "../../../src/crdt/sync/exchange.ts";
import { AT, type Author, bytesFor, found, keys, link, memoryDisk, Peer, picture } from "./fixture.ts";

/*
 * Two releases in one mesh: what a later one says is stored, survives a restart, is handed on, and what builds on it
 * counts, though this release makes nothing of it.
 */

const founding = found();
const alice = founding.founders.alice as Author;
/** Of a class that no release has yet. */
const LATER_CLASS = 200;

/** An authority entry as a later release signs it. */
function later(peer: Peer, type: string, body: Readonly<Record<string, string | number>>): Entry<AuthorityHeader> {
  const { parents } = positionIn(peer.replica.graph, peer.mesh, alice.log);
  const sorted = [...parents].sort((a, b) => (toHex(a) < toHex(b) ? -1 : 1));
  const key = alice.signer.publicKey;
  const header: AuthorityHeader = { kind: "authority", mesh: peer.mesh, key, log: alice.log, parents: sorted, type };
  return sealEntry(keys, header, encode(body), (message) => [
    { scheme: SCHEME_ED25519, bytes: alice.signer.sign(message) },
  ]);
}

/** Reads again what is on a peer's disk. */
async function restarted(disk: ReturnType<typeof memoryDisk>): Promise<Peer> {
  const peer = new Peer(founding.genesis, disk.reopen());
  await peer.replica.load();
  return peer;
}

async function exchanged(from: Peer): Promise<Peer> {
  const to = await Peer.of(founding);
  const [asking, answering] = [new ReplicaExchange(to.replica, keys), new ReplicaExchange(from.replica, keys)];
  const round = asking.begin();
  for (let request: Uint8Array | null = round.request; request !== null; ) {
    request = await round.next(await answering.answer(request));
  }
  return to;
}

describe("what a later release says", () => {
  it("about authority is kept, handed on, and does not keep what builds on it from counting", async () => {
    const disk = memoryDisk();
    const here = await Peer.of(founding, disk);
    const entry = later(here, "escrow", { v: 2, holder: "bank", shares: 3 });
    await here.take([entry]);
    await here.enrol(alice, "web-1");
    expect(here.replica.view().nodeByName("web-1")?.state).toBe("active");

    for (const peer of [await restarted(disk), await exchanged(here)]) {
      expect(peer.replica.graph.find(entry.id)?.entry.bytes).toEqual(entry.bytes);
      expect(picture(peer)).toEqual(picture(here));
    }
  });

  it("beside what this release knows is part of what is signed, and is no reason to refuse it", async () => {
    const disk = memoryDisk();
    const here = await Peer.of(founding, disk);
    const node = here.joiner("web-1");
    const body = { name: "web-1", key: node.key, seal: node.seal, proof: node.proof, at: AT, rack: "b-7" };
    const entry = later(here, "enrol", body as unknown as Record<string, string>);
    await here.take([entry]);
    expect(here.replica.view().nodeByName("web-1")?.state).toBe("active");

    for (const peer of [await restarted(disk), await exchanged(here)]) {
      expect(peer.replica.graph.find(entry.id)?.entry.bytes).toEqual(entry.bytes);
      expect(picture(peer)).toEqual(picture(here));
    }
  });

  it("in a chain of a class that nobody here reads is kept in order and handed on", async () => {
    const disk = memoryDisk();
    const here = await Peer.of(founding, disk);
    const run: Entry<ChainHeader>[] = [];
    for (let i = 1; i <= 3; i++) {
      const hlc = { ms: AT + i, count: 0 };
      run.push(link(here, alice, run.at(-1) ?? null, bytesFor(`later ${i}`), { class: LATER_CLASS, hlc }));
    }
    await here.take(run);

    for (const peer of [await restarted(disk), await exchanged(here)]) {
      const kept = peer.entries().filter((entry) => isChain(entry) && entry.header.class === LATER_CLASS);
      expect(kept.map(({ id }) => id)).toEqual(run.map(({ id }) => id));
      expect(picture(peer)).toEqual(picture(here));
    }
  });

  it("at paths and with members of its own stands in desired state as it was written", async () => {
    const disk = memoryDisk();
    const here = await Peer.of(founding, disk);
    const values: Record<string, Json> = {
      "orchard/apple": { v: 7, ripe: true },
      "label/web": { ports: [443], shine: { level: 9 } },
    };
    await here.write(alice, values);

    for (const peer of [await restarted(disk), await exchanged(here)]) {
      const view = peer.replica.view();
      for (const [path, value] of Object.entries(values)) expect(view.desired(path)?.value).toEqual(value);
      expect(picture(peer)).toEqual(picture(here));
    }
  });
});
