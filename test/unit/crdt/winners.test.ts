import fc from "fast-check";
import { expect, it } from "vitest";
import { ascii, concat, toHex } from "../../../src/core/bytes.ts";
import { encode } from "../../../src/core/encoding.ts";
import type { PathWinner } from "../../../src/core/view.ts";
import { Winners } from "../../../src/crdt/winners.ts";
import { keys } from "./fixture.ts";

type Expected = Map<string, PathWinner | undefined>;

/** The root as `docs/protocol/ledgers.md` describes it, from all paths at once. */
function rootOf(winners: Expected): Uint8Array {
  const places = [...winners].filter(([, winner]) => winner !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
  const all = Array.from({ length: 16 }, (_, i) => i);
  const leaf = (byte: number) => {
    const here = places.filter(([path]) => keys.hash(ascii(path))[0] === byte);
    const items = here.map(([path, winner]) => {
      const { value, hlc, log } = winner as PathWinner;
      return encode([path, value, hlc.ms, hlc.count, log]);
    });
    return keys.hash(concat(...items));
  };
  const branch = (high: number) => keys.hash(concat(...all.map((low) => leaf(16 * high + low))));
  return keys.hash(concat(...all.map(branch)));
}

const winner = fc.option(
  fc.string({ maxLength: 40 }).map((value): PathWinner => ({ value, hlc: { ms: 7, count: 0 }, log: "a", entry: "e" })),
  { nil: undefined },
);
const path = fc.nat(150).map((number) => `server/${number % 12}/label/${number}`);
/** Between two looks: a few changes, or more than are worth moving one by one. */
const steps = fc.array(fc.array(fc.tuple(path, winner), { maxLength: 90 }), { minLength: 1, maxLength: 6 });

it("winners have the same digest whether they came one by one or all at once", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const [winners, expected]: [Winners, Expected] = [new Winners(), new Map()];
      for (const step of all) {
        for (const [at, won] of step) {
          winners.set(at, won);
          expected.set(at, won);
        }
        expect(toHex(winners.digest(keys))).toBe(toHex(rootOf(expected)));
      }
    }),
    { numRuns: 40 },
  );
});

it("what is under a prefix is found in order, without what a tombstone took", () => {
  fc.assert(
    fc.property(steps, fc.nat(12), (all, server) => {
      const [winners, expected]: [Winners, Expected] = [new Winners(), new Map()];
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
