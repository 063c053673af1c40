import { beforeEach, describe, expect, test } from "vitest";
import { toBase64Url, toHex } from "../../../src/core/bytes.ts";
import type { Json } from "../../../src/core/json.ts";
import { operatorRecipientPath, secretOperatorsPath } from "../../../src/core/paths.ts";
import { CLASS_DESIRED } from "../../../src/crdt/entry/entry.ts";
import { ageIdentity, operatorSeal } from "../../../src/operator/own-seal.ts";
import { sealedReaders } from "../../../src/operator/sealed-readers.ts";
import { type Author, bytesFor, found, keys, Peer, unsigned } from "../crdt/fixture.ts";
import { seed } from "./household.ts";

const PATH = "root/ca";
const founding = found();
const alice = founding.founders.alice as Author;
const keyOf = ({ signer }: Author) => toHex(signer.publicKey);
const recipient = async (name: string) => (await ageIdentity(bytesFor(name))).recipient;

describe("operators whom a value is sealed to", () => {
  let peer: Peer;
  let bob: Author;
  let carol: Author;
  /** Entries that come to the asker without their signatures. */
  let stripped: ReadonlySet<string>;

  beforeEach(async () => {
    stripped = new Set();
    peer = await Peer.of(founding);
    bob = await peer.grant(alice, "bob", { rights: ["ops"] });
    carol = await peer.grant(alice, "carol", { rights: ["ops"] });
    await peer.write(alice, { [secretOperatorsPath(PATH)]: { keys: [keyOf(bob)] } });
    await peer.write(bob, { [operatorRecipientPath(keyOf(bob))]: { seal: await recipient("bob") } });
    await peer.write(carol, { [operatorRecipientPath(keyOf(carol))]: { seal: await recipient("carol") } });
  });

  /** As an agent tells it that says this of who may read. */
  function read(...named: readonly Author[]) {
    const courier = {
      call: async (_method: string, _path: string, parts?: { readonly body?: unknown }) => {
        const { log, after } = (parts as { body: { log: string; after: number } }).body;
        const links = peer.replica.chain(log, CLASS_DESIRED)?.main ?? [];
        const entries = links.slice(after).map(({ entry }) => (stripped.has(entry.id) ? unsigned(entry) : entry));
        return { entries: entries.map(({ bytes }) => toBase64Url(bytes)), more: false };
      },
    };
    const said: Json = { keys: named.map(keyOf) };
    return sealedReaders(courier, keys, { authority: peer.replica.authority }, PATH, said);
  }

  test("are those whom an administrator let read it, by what their own keys signed", async () => {
    expect(await read(bob)).toEqual([{ name: "bob", recipient: await recipient("bob") }]);
    await peer.write(bob, { [operatorRecipientPath(keyOf(bob))]: { seal: await recipient("bob's next") } });
    expect(await read(bob)).toEqual([{ name: "bob", recipient: await recipient("bob's next") }]);
  });

  test("are not whom the agent adds, nor whom somebody let read it who may not administer", async () => {
    await expect(read(bob, carol)).rejects.toMatchObject({ code: "PeerContradicted" });
    await peer.write(carol, { [secretOperatorsPath(PATH)]: { keys: [keyOf(carol)] } });
    await expect(read(carol)).rejects.toMatchObject({ code: "PeerContradicted" });
  });

  test("have no recipient that somebody else signed for them, none that nobody signed, and none that is not one", async () => {
    await peer.write(alice, { [secretOperatorsPath(PATH)]: { keys: [keyOf(bob), keyOf(carol), keyOf(alice)] } });
    await peer.write(bob, { [operatorRecipientPath(keyOf(alice))]: { seal: await recipient("bob") } });
    const signed = await peer.write(bob, { [operatorRecipientPath(keyOf(bob))]: { seal: await recipient("false") } });
    await peer.write(carol, { [operatorRecipientPath(keyOf(carol))]: { seal: "AGE-SECRET-KEY-1" } });
    stripped = new Set([signed.id]);
    expect(await read(bob, carol, alice)).toEqual([
      { name: "bob", recipient: await recipient("bob") },
      { name: "carol", recipient: null },
      { name: "alice", recipient: null },
    ]);
  });

  test("are nobody whose key was cut", async () => {
    await peer.cut(alice, bob);
    expect(await read(bob)).toEqual([]);
  });
});

test("what is sealed to a key opens with the key alone, in its own mesh", async () => {
  const [mesh, other] = [bytesFor("mesh"), bytesFor("other mesh")];
  const own = await operatorSeal(keys, seed(1), mesh);
  expect(await operatorSeal(keys, seed(1), mesh)).toEqual(own);
  expect((await operatorSeal(keys, seed(1), other)).recipient).not.toBe(own.recipient);
  expect((await operatorSeal(keys, seed(2), mesh)).recipient).not.toBe(own.recipient);
});
