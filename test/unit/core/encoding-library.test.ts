import { decode as libraryDecode, encode as libraryEncode, rfc8949EncodeOptions } from "cborg";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fromHex, toHex } from "../../../src/core/bytes.ts";
import { decode, encode, MalformedError, type Plain } from "../../../src/core/encoding.ts";

const { plain } = fc.letrec<{ plain: Plain }>((tie) => ({
  plain: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    // Around the widths of an argument.
    fc.integer({ min: -70_000, max: 70_000 }),
    fc.integer({ min: 2 ** 32 - 3, max: 2 ** 32 + 3 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("plain"), { maxLength: 30 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie("plain"), { maxKeys: 30, noNullPrototype: true }),
  ),
}));

it("spells everything as the library spells it, with and without its help", () => {
  fc.assert(
    fc.property(plain, (value) => {
      expect(toHex(encode(value))).toBe(toHex(libraryEncode(value, rfc8949EncodeOptions)));
    }),
    { numRuns: 2_000 },
  );
});

it("reads back everything that it spells", () => {
  fc.assert(
    fc.property(plain, (value) => {
      expect(toHex(encode(decode(encode(value))))).toBe(toHex(encode(value)));
    }),
    { numRuns: 1_000 },
  );
});

/** What the bytes say if the library, told to spell it, gives the same bytes; "refused" if not. */
function bySpellingAnew(bytes: Uint8Array): unknown {
  try {
    const value: unknown = libraryDecode(bytes, {
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
      strict: true,
    });
    return toHex(libraryEncode(value, rfc8949EncodeOptions)) === toHex(bytes) ? value : "refused";
  } catch {
    return "refused";
  }
}

function read(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof MalformedError) return "refused";
    throw error;
  }
}

it("reads and refuses what the library would, whichever bits of a message are flipped", () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(plain, flips, (value, changes) => {
      const bytes = encode(value);
      for (const [at, mask] of changes) bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask;
      expect(read(bytes)).toEqual(bySpellingAnew(bytes));
    }),
    { numRuns: 5_000 },
  );
});

it.each([
  ["a number in more bytes than it needs", "1817"],
  ["a number of two bytes that fits into one", "1900ff"],
  ["a number of eight bytes that fits into four", "1b00000000ffffffff"],
  ["a number beyond what can be counted", "1b0020000000000000"],
  ["keys in the wrong order", "a2616201616101"],
  ["a longer key before a shorter one", "a262616101616201"],
  ["the same key twice", "a2616101616102"],
  ["a key that is no text", "a10101"],
  ["text that is cut short", "6261"],
  ["more bytes behind the value", "0000"],
  ["nothing", ""],
])("refuses %s", (_name, hex) => {
  expect(() => decode(fromHex(hex) as Uint8Array)).toThrow(MalformedError);
});

it("gives bytes of their own, which outlive the message", () => {
  const message = encode({ secret: new Uint8Array([1, 2, 3]) });
  const { secret } = decode(message) as { secret: Uint8Array };
  message.fill(0);
  expect([...secret]).toEqual([1, 2, 3]);
});

it.each([
  ["whole numbers", 1],
  ["a fraction somewhere", 1.5],
])("goes as deep as 32 and no deeper, with %s", (_name, leaf) => {
  let value: Plain = leaf;
  for (let depth = 0; depth < 32; depth++) value = [value];
  expect(encode(value)).toBeInstanceOf(Uint8Array);
  expect(() => encode([value])).toThrow(MalformedError);
});
