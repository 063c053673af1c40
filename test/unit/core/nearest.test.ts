import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "../../../src/core/nearest.ts";

describe("the nearest names", () => {
  it.each([
    ["wbe-1", ["web-1"]],
    ["web1", ["web-1"]],
    ["nas", ["nas-1"]],
    ["mainframe", []],
  ])("of %s", (word, near) => {
    const names = ["web-1", "web-2", "nas-1", "db-1"];
    expect(nearest(word, names).slice(0, near.length || 1)).toEqual(near);
  });

  it("include names that begin with the word, after those with a slip", () => {
    expect(nearest("web", ["web-1", "wen", "worker"])).toEqual(["wen", "web-1"]);
  });

  it("are at most three, the closest first, ties by name", () => {
    expect(nearest("web-9", ["web-3", "web-2", "web-10", "web-1", "web-99"])).toEqual(["web-1", "web-2", "web-3"]);
  });
});

describe("the edit distance", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "-"), maxLength: 7 });

  it.each([
    ["", "abc", 3],
    ["web", "web", 0],
    ["web", "wbe", 1],
    ["servers", "srevers", 1],
    ["label", "lable", 1],
    ["kitten", "sitting", 3],
  ])("from %j to %j", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it("is what the recursive definition says", () => {
    const property = fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(defined(a, b));
    });
    fc.assert(property, { numRuns: 200 });
  });

  /** Optimal string alignment, straight from its definition. */
  function defined(a: string, b: string): number {
    if (a === "" || b === "") return Math.max(a.length, b.length);
    const swapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1);
    return Math.min(
      defined(a.slice(0, -1), b) + 1,
      defined(a, b.slice(0, -1)) + 1,
      defined(a.slice(0, -1), b.slice(0, -1)) + (a.at(-1) === b.at(-1) ? 0 : 1),
      swapped ? defined(a.slice(0, -2), b.slice(0, -2)) + 1 : Number.POSITIVE_INFINITY,
    );
  }
});
