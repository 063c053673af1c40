import { describe, expect, it } from "vitest";
import { runLines } from "../../sim/lines/run.ts";

describe("small questions on the lines that they share", () => {
  it.each(["1", "2", "3", "4", "5"])(
    "have each its own answer or an error, whatever breaks and whoever keeps to no rule: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runLines({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(19);
    },
  );

  it("go the same way in the same world", async () => {
    const [first, second] = [await runLines({ seed: "6" }), await runLines({ seed: "6" })];
    expect(second).toEqual(first);
  });
});
