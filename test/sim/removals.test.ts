import { describe, expect, it } from "vitest";
import { runRemovals } from "../../sim/removals/run.ts";

describe("whoever is removed", () => {
  it.each(["1", "2", "3", "4"])(
    "hears of it and keeps nothing; what was heard counts and what comes later does not: seed %s",
    async (seed) => {
      const { errors, sometimes, violations } = await runRemovals({ seed });
      expect(violations).toEqual([]);
      // One machine came back with an old copy of its disk, and says so.
      expect(errors).toEqual({ "store.lost": 1 });
      expect(Object.keys(sometimes)).toHaveLength(11);
    },
  );

  it("the same in the same world", async () => {
    const [first, second] = [await runRemovals({ seed: "7" }), await runRemovals({ seed: "7" })];
    expect(second).toEqual(first);
  });
});
