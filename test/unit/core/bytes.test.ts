import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ascii,
  concat,
  equalBytes,
  fromBase64Url,
  fromHex,
  isHexOf,
  toBase64Url,
  toHex,
} from "../../../src/core/bytes.ts";

const bytes = fc.uint8Array({ maxLength: 100 });

describe("hex", () => {
  test("is what Node writes, and reads back", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toHex(value)).toBe(Buffer.from(value).toString("hex"));
        expect(fromHex(toHex(value))).toEqual(value);
      }),
    );
  });

  test("of bytes is told from that of any others", () => {
    fc.assert(
      fc.property(bytes, bytes, (value, other) => {
        expect(isHexOf(toHex(value), value)).toBe(true);
        expect(isHexOf(toHex(other), value)).toBe(equalBytes(other, value));
      }),
    );
    const value = Uint8Array.of(0xab, 0xcd, 0xef);
    for (const text of ["abcdee", "abcdff", "bbcdef", "ABCDEF", "abcd", "abcdef00"])
      expect(isHexOf(text, value), text).toBe(false);
  });

  test("has one spelling: lower case, two letters a byte", () => {
    for (const text of ["0", "abc", "AB", "0x", "g0", " 00", "00 ", "é0", "0\u0660"])
      expect(fromHex(text), text).toBeNull();
    expect(fromHex("")).toEqual(new Uint8Array(0));
  });
});

describe("base64url", () => {
  test("is what Node writes, and reads back", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toBase64Url(value)).toBe(Buffer.from(value).toString("base64url"));
        expect(fromBase64Url(toBase64Url(value))).toEqual(value);
      }),
    );
  });

  test("has one spelling for each value", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        const value = fromBase64Url(text);
        expect(value === null || toBase64Url(value) === text).toBe(true);
      }),
    );
    for (const text of ["A", "AA==", "AB", "AAB", "+/", "A A", "AAAAA", "\n", "AA\n", "é", "\u{1f5a5}A"]) {
      expect(fromBase64Url(text), JSON.stringify(text)).toBeNull();
    }
    expect(fromBase64Url("")).toEqual(new Uint8Array(0));
  });
});

describe("ascii", () => {
  test("gives one byte a letter", () => {
    expect(ascii("lab\u007f\u0000")).toEqual(new Uint8Array([108, 97, 98, 127, 0]));
  });

  test("takes nothing else", () => {
    for (const text of ["é", "\u0080", "\u{1f5a5}"]) expect(() => ascii(text)).toThrow(/^not ASCII/);
  });
});

describe("byte arrays", () => {
  test("are joined in order", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (parts) => {
        expect(concat(...parts)).toEqual(new Uint8Array(Buffer.concat(parts)));
      }),
    );
  });

  test("are equal when length and every byte are", () => {
    fc.assert(fc.property(bytes, (value) => equalBytes(value, new Uint8Array(value))));
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
    expect(equalBytes(ascii("abc"), ascii("ab"))).toBe(false);
    expect(equalBytes(ascii("ab"), ascii("abc"))).toBe(false);
  });
});
