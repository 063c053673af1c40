import { describe, expect, it } from "vitest";
import { runAlarms } from "../../sim/alarms.ts";

describe("people are told", () => {
  it.each(["1", "2", "3", "4", "5", "6"])(
    "of who is missed by a route that came late, of deaths and cuts once in each part, of short stops never: seed %s",
    async (seed) => {
      const { errors, sometimes, violations } = await runAlarms({ seed });
      expect(violations).toEqual([]);
      expect(errors).toEqual({});
      expect(Object.keys(sometimes)).toHaveLength(3);
    },
  );

  it("the same in the same world", async () => {
    const [first, second] = [await runAlarms({ seed: "7" }), await runAlarms({ seed: "7" })];
    expect(second).toEqual(first);
  });
});
