import { describe, expect, it } from "vitest";
import { runCopies } from "../../sim/copies/run.ts";

describe("copies of a store's values in a directory", () => {
  it.each(["1", "2", "3"])(
    "are for those who may read them, are values that were set, and catch up after whatever happens: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runCopies({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(18);
    },
  );

  it("go the same way in the same world", async () => {
    const [first, second] = [await runCopies({ seed: "4" }), await runCopies({ seed: "4" })];
    expect(second).toEqual(first);
  });
});
