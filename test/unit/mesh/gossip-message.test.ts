import { describe, expect, it } from "vitest";
import { concat } from "../../../src/core/bytes.ts";
import { encode } from "../../../src/core/encoding.ts";
import { decodeGossip, encodeEntries, encodeVerdicts, MAX_GOSSIP_BYTES } from "../../../src/mesh/gossip-message.ts";
import { bytes } from "./homelab.ts";

const entriesIn = (message: Uint8Array) => {
  const read = decodeGossip(message);
  if (read?.kind !== "entries") throw new Error("not entries");
  return read.entries;
};

describe("gossip", () => {
  it("carries entries in their order, in as few messages as their limit allows", () => {
    const entries = Array.from({ length: 50 }, (_, i) => new Uint8Array(60_000 + i));
    const messages = encodeEntries(entries);
    expect(messages.length).toBe(Math.ceil(50 / 4));
    expect(messages.every(({ length }) => length <= MAX_GOSSIP_BYTES)).toBe(true);
    expect(messages.flatMap(entriesIn).map(({ length }) => length)).toEqual(entries.map(({ length }) => length));
  });

  it("fills a message to the last byte and no further", () => {
    for (const length of [MAX_GOSSIP_BYTES - 40, MAX_GOSSIP_BYTES - 37, MAX_GOSSIP_BYTES - 36, MAX_GOSSIP_BYTES]) {
      const messages = encodeEntries([new Uint8Array(length), bytes("small")]);
      expect(messages.every((message) => message.length <= MAX_GOSSIP_BYTES)).toBe(true);
      expect(messages.flatMap(entriesIn).at(-1)).toEqual(bytes("small"));
    }
    expect(encodeEntries([])).toEqual([]);
  });

  it("carries what the detector tells", () => {
    const words = bytes("packed");
    expect(decodeGossip(encodeVerdicts(words))).toEqual({ kind: "verdicts", words });
  });

  it.each([
    { what: "nothing", body: new Uint8Array(0) },
    { what: "noise", body: bytes("hello") },
    { what: "a list", body: encode([1, 2]) },
    { what: "bytes", body: encode(bytes("hello")) },
    { what: "a kind that is no word", body: encode({ k: 7 }) },
    { what: "entries that are no list", body: encode({ k: "entries", e: 3 }) },
    { what: "entries that are no bytes", body: encode({ k: "entries", e: [bytes("one"), "two"] }) },
    { what: "trailing bytes", body: concat(encode({ k: "entries", e: [] }), bytes("x")) },
    { what: "a message over the limit", body: encode({ k: "entries", e: [new Uint8Array(MAX_GOSSIP_BYTES)] }) },
    { what: "verdicts that are no bytes", body: encode({ k: "verdicts", w: "words" }) },
  ])("takes $what for malformed", ({ body }) => {
    expect(decodeGossip(body)).toEqual({ kind: "malformed" });
  });

  it("leaves to later releases what only they understand", () => {
    expect(decodeGossip(encode({ k: "new", p: new Uint8Array(32) }))).toEqual({ kind: "unknown" });
  });
});
