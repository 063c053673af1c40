import { describe, expect, it } from "vitest";
import { runDrops } from "../../sim/drops/run.ts";

describe("ledgers whose old entries go", () => {
  it.each(["1", "2"])(
    "say the same on machines that have them and on those that have only what they came to: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runDrops({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(9);
    },
    60_000,
  );
});
