import { describe, expect, it } from "vitest";
import { runReleases } from "../../sim/releases/run.ts";

describe("machines of several releases in one mesh", () => {
  it.each(["1", "2", "3"])(
    "agree in every mixture and lose nothing, on the way there and back: seed %s",
    async (seed) => {
      const { errors, sometimes, violations } = await runReleases({ seed });
      expect(violations).toEqual([]);
      expect(errors).toEqual({});
      expect(Object.keys(sometimes).filter((what) => what.startsWith("all agreed"))).toHaveLength(5);
    },
  );
});
