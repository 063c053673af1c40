import { beforeEach, describe, expect, test } from "vitest";
import { toBase64Url, toHex } from "../../../src/core/bytes.ts";
import { secretVersionPath } from "../../../src/core/paths.ts";
import { writeVersion } from "../../../src/core/secrets/version.ts";
import type { ChainLink, SummedWrite } from "../../../src/crdt/chain.ts";
import { checkpointBody, currentWrites } from "../../../src/crdt/checkpoint.ts";
import { encodeHandedOn } from "../../../src/crdt/handed-on.ts";
import type { Entry } from "../../../src/crdt/entry/entry.ts";
import type { KnownAuthority } from "../../../src/operator/known-authority.ts";
import { signedVersion, type VersionPlace } from "../../../src/operator/signed-version.ts";
import { AT, type Author, bytesFor, found, keys, Peer, unsigned } from "../crdt/fixture.ts";

const PATH = "web/tls";

function metadata(name: string) {
  const [commitment, heads] = [bytesFor(name), bytesFor("heads")];
  return writeVersion({ class: "store", commitment, heads, tips: [], restores: null, body: null, atMs: AT });
}

describe("what the writer of an older version signed", () => {
  let peer: Peer;
  let alice: Author;
  let mallory: Author;
  let entries: Entry[];
  let place: VersionPlace;

  beforeEach(async () => {
    const founding = found({ founders: { alice: {}, mallory: {} } });
    peer = await Peer.of(founding);
    alice = founding.founders["alice"]!;
    mallory = founding.founders["mallory"]!;
    const label = await peer.write(alice, { "label/web": { secrets: [PATH] } });
    const version = await peer.write(alice, { [secretVersionPath(PATH)]: metadata("good") });
    entries = [label, version];
    place = { path: PATH, version: version.id, log: toHex(alice.log) };
  });

  /** An agent that gives these entries, one in an answer. */
  function read(given: readonly Entry[], at: VersionPlace = place) {
    const courier = {
      call: async (_method: string, _path: string, parts?: { readonly body?: unknown }) => {
        const { after } = (parts as { readonly body: { readonly after: number } }).body;
        return {
          entries: given.slice(after, after + 1).map(({ bytes }) => toBase64Url(bytes)),
          more: after + 1 < given.length,
        };
      },
    };
    return signedVersion(courier, keys, { authority: peer.replica.authority } as KnownAuthority, at);
  }

  test("is read from the writer's ledger", async () => {
    expect((await read(entries)).commitment).toEqual(bytesFor("good"));
  });

  test("is read from what the ledger had come to, where the agent let go of the entry and a checkpoint vouches", async () => {
    const links = () => peer.replica.chain(place.log, 1)?.main ?? [];
    await peer.write(alice, { "label/web": { secrets: [] } });
    const honest = checkpointBody(keys, [links()], AT);
    const last = links().at(-1) as ChainLink;
    const handed = (writes: readonly SummedWrite[]) =>
      toBase64Url(encodeHandedOn({ entry: last.entry, next: last.end, writes }));
    const readFrom = (state: string, at = place) => {
      const courier = { call: async () => ({ entries: [toBase64Url(last.entry.bytes)], more: false, state }) };
      return signedVersion(courier, keys, { authority: peer.replica.authority } as KnownAuthority, at);
    };
    const writes = currentWrites(links());
    await expect(readFrom(handed(writes))).rejects.toMatchObject({ code: "PeerContradicted" });
    await peer.say(alice, honest);
    expect((await readFrom(handed(writes))).commitment).toEqual(bytesFor("good"));
    const altered = writes.map((write) =>
      write.path === secretVersionPath(PATH) ? { ...write, value: metadata("bad") } : write,
    );
    await expect(readFrom(handed(altered))).rejects.toMatchObject({ code: "PeerContradicted" });
    const gone = { ...place, version: toHex(bytesFor("an older version")) };
    await expect(readFrom(handed(writes), gone)).rejects.toMatchObject({ code: "LedgerNotWhole" });
  });

  test("is not taken from an entry that nobody signed", async () => {
    await expect(read([entries[0]!, unsigned(entries[1]!)])).rejects.toMatchObject({ code: "PeerContradicted" });
  });

  test("is not taken from another writer's ledger, nor from one of nobody", async () => {
    const hers = await peer.write(mallory, { [secretVersionPath(PATH)]: metadata("bad") });
    await expect(read([hers])).rejects.toMatchObject({ code: "PeerContradicted" });
    const nowhere = { ...place, log: toHex(bytesFor("no log")) };
    await expect(read(entries, nowhere)).rejects.toMatchObject({ code: "PeerContradicted" });
  });

  test("is not what an entry says of another secret, nor of none", async () => {
    await expect(read(entries, { ...place, path: "web/other" })).rejects.toMatchObject({ code: "PeerContradicted" });
    const [label] = entries;
    await expect(read(entries, { ...place, version: label!.id })).rejects.toMatchObject({ code: "PeerContradicted" });
  });

  test("is not taken from a ledger with a gap, nor from one that ends before it", async () => {
    await expect(read([entries[1]!])).rejects.toMatchObject({ code: "PeerContradicted" });
    await expect(read([entries[0]!])).rejects.toMatchObject({ code: "PeerContradicted" });
  });
});
