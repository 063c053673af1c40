import { describe, expect, it } from "vitest";
import { concat } from "../../../../src/core/bytes.ts";
import { encode } from "../../../../src/core/encoding.ts";
import {
  decodeCompare,
  decodeCompareAnswer,
  decodeErrand,
  decodeErrandAnswer,
  decodeProbe,
  encodeCompare,
  encodeCompareAnswer,
  encodeErrand,
  encodeErrandAnswer,
  encodeProbe,
} from "../../../../src/mesh/detector/message.ts";
import { MAX_INCARNATION, packWords, unpackWords, type Word } from "../../../../src/mesh/detector/word.ts";
import { bytes, keyOf } from "../homelab.ts";

const MEMBERS = ["nas-1", "web-1", "web-2"].map(keyOf);
const [nas, web, other] = MEMBERS as [string, string, string];
const byPrefix = new Map(MEMBERS.map((key) => [key.slice(0, 16), key]));
const named = (prefix: string) => byPrefix.get(prefix);

const signature = new Uint8Array(64).fill(7);
const words: Word[] = [
  { member: nas, incarnation: 1_800_000_000_000, status: "alive", accusers: [], signature },
  { member: web, incarnation: MAX_INCARNATION, status: "silent", accusers: [nas, other], signature },
  { member: other, incarnation: 0, status: "refused", accusers: [nas], signature: new Uint8Array(0) },
  { member: nas, incarnation: 2 ** 33 + 5, status: "unreachable", accusers: [], signature },
  { member: nas, incarnation: 1, status: "left", accusers: [], signature },
];
const digest = new Uint8Array(8).fill(3);
const probe = encode({ v: 1, d: digest });

describe("words", () => {
  it("come out of a message as they went in", () => {
    expect(unpackWords(packWords(words), named)).toEqual(words);
  });

  it("about whom nobody here knows, and of a later release, are left out, and the others read", () => {
    const stranger = { ...words[0]!, member: keyOf("mallory") };
    const later = packWords([words[0]!]);
    later[14] = 9;
    const told = concat(packWords([stranger]), later, packWords([words[1]!]));
    expect(unpackWords(told, named)).toEqual([words[1]]);
  });

  it.each([
    { what: "a head that is cut off", packed: packWords(words.slice(0, 1)).subarray(0, 10) },
    { what: "a signature that is cut off", packed: packWords(words.slice(0, 1)).subarray(0, 70) },
    { what: "a crowd", packed: concat(...Array.from({ length: 1025 }, () => packWords(words.slice(0, 1)))) },
    { what: "a crowd of accusers", packed: Uint8Array.from({ length: 200 }, (_, at) => (at === 15 ? 5 : 0)) },
  ])("are refused: $what", ({ packed }) => {
    expect(() => unpackWords(packed, named)).toThrow(expect.objectContaining({ code: "Invalid" }));
  });
});

describe("messages of the detector", () => {
  it("come out as they went in", () => {
    const told = { digest, words, connection: "hangs-up" as const };
    expect(decodeProbe(encodeProbe(told), named)).toEqual(told);
    expect(decodeProbe(probe, named)).toEqual({ digest, words: [], connection: "stays" });
    const errand = { member: web, mayDial: true, words };
    expect(decodeErrand(encodeErrand(errand), named)).toEqual(errand);
    for (const outcome of ["answers", "silent", "refused", "not-connected"] as const) {
      expect(decodeErrandAnswer(encodeErrandAnswer({ outcome, words }), named)).toEqual({ outcome, words });
    }
    const lines = words.map(({ member, incarnation }, i) => {
      return { member, incarnation, standing: (["alive", "unreachable", "left"] as const)[i % 3]! };
    });
    expect(decodeCompare(encodeCompare(lines), named)).toEqual(lines);
    const answer = { words, wanted: [web, nas] };
    expect(decodeCompareAnswer(encodeCompareAnswer(answer), named)).toEqual(answer);
  });

  it("say nothing new in fourteen bytes", () => {
    expect(encodeProbe({ digest, words: [], connection: "stays" }).length).toBeLessThanOrEqual(15);
  });

  it("keep what only a later release understands out of the way", () => {
    expect(decodeProbe(encode({ v: 1, d: digest, zz: [1, 2] }), named).words).toEqual([]);
  });

  it.each([
    { what: "nothing", read: () => decodeProbe(new Uint8Array(0), named) },
    { what: "noise", read: () => decodeProbe(bytes("hello"), named) },
    { what: "a list", read: () => decodeProbe(encode([1]), named) },
    { what: "another version", read: () => decodeProbe(encode({ v: 2, d: digest }), named) },
    { what: "a short digest", read: () => decodeProbe(encode({ v: 1, d: new Uint8Array(7) }), named) },
    { what: "words that are no bytes", read: () => decodeProbe(encode({ v: 1, d: digest, w: 3 }), named) },
    { what: "an errand to nobody", read: () => decodeErrand(probe, named) },
    { what: "an outcome that there is not", read: () => decodeErrandAnswer(encode({ v: 1, o: 4 }), named) },
    { what: "half a line", read: () => decodeCompare(encode({ v: 1, t: new Uint8Array(14) }), named) },
    { what: "too many lines", read: () => decodeCompare(encode({ v: 1, t: new Uint8Array(15 * 16_385) }), named) },
    { what: "half a wish", read: () => decodeCompareAnswer(encode({ v: 1, n: new Uint8Array(7) }), named) },
  ])("are refused: $what", ({ read }) => {
    expect(read).toThrow(expect.objectContaining({ code: "Invalid" }));
  });
});
