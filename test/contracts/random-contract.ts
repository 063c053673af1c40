import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../../src/core/bytes.ts";
import type { Random } from "../../src/core/ports/random.ts";

/** What every Random does. */
export function randomContract(name: string, setup: () => Random): void {
  describe(`${name} as a source of chance`, () => {
    let random: Random;
    beforeEach(() => {
      random = setup();
    });

    test("gives as many bytes as were asked for", () => {
      for (const length of [0, 1, 3, 4, 32, 70_000]) expect(random.bytes(length)).toHaveLength(length);
      expect(Object.getPrototypeOf(random.bytes(8))).toBe(Uint8Array.prototype);
    });

    test("does not repeat itself", () => {
      const drawn = new Set(Array.from({ length: 1000 }, () => toHex(random.bytes(16))));
      expect(drawn.size).toBe(1000);
    });

    test("draws whole numbers from zero to below the limit", () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 2 ** 48 - 1 }), (limit) => {
          const drawn = random.below(limit);
          return Number.isInteger(drawn) && drawn >= 0 && drawn < limit;
        }),
      );
      expect(random.below(1)).toBe(0);
    });

    test("draws every number of a small range, about equally often", () => {
      const counts = [0, 0, 0, 0, 0, 0, 0];
      for (let i = 0; i < 7000; i++) {
        const drawn = random.below(7);
        counts[drawn] = (counts[drawn] ?? 0) + 1;
      }
      // 1000 each with a standard deviation of 29: seven of them is never.
      for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(7 * 29);
    });

    test("refuses a range without numbers", () => {
      for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => random.below(limit), String(limit)).toThrow(RangeError);
      }
    });

    test("has forks that draw something else than it and than each other", () => {
      const sources = [random, random.fork("links"), random.fork("disks"), random.fork("links").fork("disks")];
      const drawn = sources.map((source) => toHex(source.bytes(32)));
      expect(new Set(drawn).size).toBe(sources.length);
    });
  });
}
