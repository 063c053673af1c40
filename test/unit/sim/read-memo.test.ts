import { describe, expect, test } from "vitest";
import { createSimKeys } from "../../../sim/keys.ts";
import { seededRandom } from "../../../sim/random.ts";
import { readMemo } from "../../../sim/read-memo.ts";
import { MalformedError } from "../../../src/core/encoding.ts";
import { entryReader } from "../../../src/crdt/entry-reader.ts";
import { type ChainHeader, type Entry, isAuthority } from "../../../src/crdt/entry/entry.ts";
import { type Author, found, Peer } from "../crdt/fixture.ts";

const keys = createSimKeys(seededRandom("reading"));
const { bytes } = found().genesis;

describe("what all machines of a world have read", () => {
  test("is read once, and says what each of them would read", () => {
    const memo = readMemo(keys);
    const entry = memo.entry(bytes);
    expect(memo.entry(new Uint8Array(bytes))).toBe(entry);
    expect(entry).toEqual(entryReader(keys).entry(bytes));
    if (!isAuthority(entry)) throw new Error("a genesis is an act of authority");
    expect(memo.body(entry)).toBe(memo.body(entry));
    expect(memo.body(entry)).toEqual(entryReader(keys).body(entry));
  });

  test("is what a link of a ledger writes, too, whatever document it is for", async () => {
    const founding = found();
    const peer = await Peer.of(founding);
    await peer.write(founding.founders.alice as Author, { "label/web": { secrets: ["web/tls"] } });
    const [chain] = [...peer.replica.chains.values()];
    const said = chain?.tips[0]?.entry.bytes as Uint8Array;
    const memo = readMemo(keys);
    const entry = memo.entry(said) as Entry<ChainHeader>;
    expect(memo.update(entry)).toBe(memo.update(memo.entry(new Uint8Array(said)) as Entry<ChainHeader>));
    expect(memo.update(entry)).toEqual(entryReader(keys).update(entry));
    expect(memo.update(entry).items).toMatchObject([{ at: "label/web", value: { secrets: ["web/tls"] } }]);
  });

  test("is something else where one bit of the signature is, which no hash covers", () => {
    const memo = readMemo(keys);
    const entry = memo.entry(bytes);
    const forged = new Uint8Array(bytes);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const other = memo.entry(forged);
    expect(other).not.toBe(entry);
    expect([other.id, other.signatures]).toEqual([entry.id, entryReader(keys).entry(forged).signatures]);
    expect(other.signatures).not.toEqual(entry.signatures);
  });

  test("does not change when whoever handed it over uses its memory for something else", () => {
    const memo = readMemo(keys);
    const message = new Uint8Array(bytes);
    const entry = memo.entry(message);
    message.fill(0);
    expect(entry.bytes).toEqual(bytes);
    expect(memo.entry(bytes)).toBe(entry);
  });

  test("is malformed each time that it is", () => {
    const memo = readMemo(keys);
    for (const _ of [1, 2]) expect(() => memo.entry(bytes.subarray(1))).toThrow(MalformedError);
  });
});
