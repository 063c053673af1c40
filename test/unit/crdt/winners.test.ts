import fc from "fast-check";
import { expect, it } from "vitest";
import { concat, toHex } from "../../../src/core/bytes.ts";
import { encode } from "../../../src/core/encoding.ts";
import type { PathWinner } from "../../../src/core/view.ts";
import { Winners } from "../../../src/crdt/winners.ts";

const front = encode("front");

/** All of it, encoded at once. */
function encodedAtOnce(winners: ReadonlyMap<string, PathWinner | undefined>): Uint8Array {
  const places = [...winners].filter(([, winner]) => winner !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
  const items = places.map(([path, winner]) => {
    const { value, hlc, log } = winner as PathWinner;
    return [path, value, hlc.ms, hlc.count, log];
  });
  return concat(front, encode(items));
}

const winner = fc.option(
  fc.string({ maxLength: 40 }).map((value): PathWinner => ({ value, hlc: { ms: 7, count: 0 }, log: "a", entry: "e" })),
  { nil: undefined },
);
const path = fc.nat(150).map((number) => `server/${number % 12}/label/${number}`);
/** Between two looks at the whole: a few changes, or more than are worth moving one by one. */
const steps = fc.array(fc.array(fc.tuple(path, winner), { maxLength: 90 }), { minLength: 1, maxLength: 8 });

it("winners are encoded in the same way whether they came one by one or all at once", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const [winners, expected] = [new Winners(), new Map<string, PathWinner | undefined>()];
      for (const step of all) {
        for (const [at, won] of step) {
          winners.set(at, won);
          expected.set(at, won);
        }
        expect(toHex(winners.encodedBehind(front))).toBe(toHex(encodedAtOnce(expected)));
      }
    }),
  );
});

it("what is under a prefix is found in order, without what a tombstone took", () => {
  fc.assert(
    fc.property(steps, fc.nat(12), (all, server) => {
      const [winners, expected] = [new Winners(), new Map<string, PathWinner | undefined>()];
      for (const [at, won] of all.flat()) {
        winners.set(at, won);
        expected.set(at, won);
        const prefix = `server/${server}/`;
        const under = [...expected].filter(([known, value]) => known.startsWith(prefix) && value !== undefined);
        expect(winners.under(prefix).map(([found]) => found)).toEqual(under.map(([known]) => known).sort());
      }
    }),
    { numRuns: 30 },
  );
});
