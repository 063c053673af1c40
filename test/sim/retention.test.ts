import { describe, expect, it } from "vitest";
import { runRetention } from "../../sim/retention/run.ts";

describe("audit that grows old", () => {
  it.each(["1"])(
    "goes where it may, stays where it must, and no log begins anew: seed %s",
    async (seed) => {
      const { errors, sometimes, violations } = await runRetention({ seed });
      expect(violations).toEqual([]);
      expect(errors["store.lost"]).toBeGreaterThan(0);
      expect(Object.keys(sometimes)).toHaveLength(3);
    },
    60_000,
  );
});
