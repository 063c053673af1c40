import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../../src/core/bytes.ts";
import { decode, encode, MalformedError, type Plain } from "../../../src/core/encoding.ts";
import { utf8Decode, utf8Encode } from "../../../src/core/utf8.ts";

const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noDefaultInfinity: true, noNaN: true }).filter((value) => !Object.is(value, -0)),
);
const { plain } = fc.letrec<{ plain: Plain }>((tie) => ({
  plain: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    number,
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 70 }),
    fc.array(tie("plain"), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: "binary", maxLength: 30 }), tie("plain"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

describe("the canonical encoding", () => {
  it("gives back what was said", () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
    );
  });

  it("has one spelling for equal values, whatever the order of members", () => {
    const members = fc.uniqueArray(fc.tuple(fc.string(), number), { selector: ([key]) => key });
    const shuffled = members.chain((pairs) =>
      fc.tuple(fc.constant(pairs), fc.shuffledSubarray(pairs, { minLength: pairs.length })),
    );
    fc.assert(
      fc.property(shuffled, ([one, two]) => {
        expect(toHex(encode(Object.fromEntries(one)))).toBe(toHex(encode(Object.fromEntries(two))));
      }),
    );
  });

  it("leaves out members that are undefined", () => {
    expect(toHex(encode({ a: undefined, b: 1 }))).toBe(toHex(encode({ b: 1 })));
  });

  it.each([
    ["nothing", ""],
    ["a byte too many", "0000"],
    ["a map cut short", "a161"],
    ["a number that is longer than it has to be", "1801"],
    ["a float that could be a whole number", "f93c00"],
    ["a float that could be narrower", "fb3ff8000000000000"],
    ["minus zero", "f98000"],
    ["infinity", "f97c00"],
    ["not a number", "f97e00"],
    ["undefined", "f7"],
    ["a simple value", "f0"],
    ["a tag", "c000"],
    ["an indefinite list", "9f01ff"],
    ["an indefinite text", "7f6161ff"],
    ["a lone break", "ff"],
    ["keys out of order", "a2616201616101"],
    ["a key twice", "a2616101616102"],
    ["a key that is no text", "a10101"],
    ["a whole number beyond what a double holds", "1b0020000000000000"],
    ["text that is not UTF-8", "61ff"],
    ["half of a surrogate pair", "63eda080"],
    ["a list of 2^32 - 1 that ends at once", "9affffffff"],
  ])("refuses %s", (_, hex) => {
    expect(() => decode(fromHex(hex) as Uint8Array)).toThrow(MalformedError);
  });

  it("takes no member for the prototype", () => {
    const value = decode(fromHex("a1695f5f70726f746f5f5fa1616101") as Uint8Array) as { a?: number };
    expect([value.a, Object.keys(value)]).toEqual([undefined, ["__proto__"]]);
  });

  it("ends at 32 levels, on every machine alike", () => {
    const nested = (depth: number) => new Uint8Array(depth + 1).fill(0x81, 0, depth);
    expect(toHex(encode(decode(nested(32))))).toBe(toHex(nested(32)));
    for (const depth of [33, 1000, 5000, 10_000, 60_000]) expect(() => decode(nested(depth))).toThrow(MalformedError);
  });

  it("refuses every other spelling: what it reads it writes the same", () => {
    const mutated = fc.tuple(
      plain,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom("flip", "cut", "insert"),
    );
    fc.assert(
      fc.property(mutated, ([value, at, byte, how]) => {
        const bytes = [...encode(value)];
        const place = at % bytes.length;
        if (how === "flip") bytes[place] = (bytes[place] as number) ^ byte;
        else bytes.splice(place, how === "cut" ? 1 : 0, ...(how === "insert" ? [byte] : []));
        const input = Uint8Array.from(bytes);
        try {
          expect(toHex(encode(decode(input)))).toBe(toHex(input));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("UTF-8", () => {
  it("is that of the platform, with a replacement for half a pair", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }), (units) => {
        const text = String.fromCharCode(...units);
        expect(utf8Encode(text)).toEqual(new TextEncoder().encode(text));
      }),
    );
  });

  it("is read as strictly as the platform can", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
        let expected: string | null = null;
        try {
          expected = strict.decode(bytes);
        } catch {
          expect(() => utf8Decode(bytes)).toThrow(MalformedError);
        }
        if (expected !== null) expect(utf8Decode(bytes)).toBe(expected);
      }),
      { numRuns: 5000 },
    );
  });
});
