import { describe, expect, it } from "vitest";
import { runCheckpoints } from "../../sim/checkpoints/run.ts";

describe("ledgers that are pinned", () => {
  it.each(["1", "2"])(
    "go on where their pins say, on every machine, whatever it begins at and whoever has the key: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runCheckpoints({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(13);
    },
    60_000,
  );
});
