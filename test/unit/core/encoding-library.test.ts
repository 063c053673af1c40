import { encode as libraryEncode, rfc8949EncodeOptions } from "cborg";
import fc from "fast-check";
import { expect, it } from "vitest";
import { toHex } from "../../../src/core/bytes.ts";
import { encode, MalformedError, type Plain } from "../../../src/core/encoding.ts";

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

it.each([
  ["whole numbers", 1],
  ["a fraction somewhere", 1.5],
])("goes as deep as 32 and no deeper, with %s", (_name, leaf) => {
  let value: Plain = leaf;
  for (let depth = 0; depth < 32; depth++) value = [value];
  expect(encode(value)).toBeInstanceOf(Uint8Array);
  expect(() => encode([value])).toThrow(MalformedError);
});
