import { describe, expect, it } from "vitest";
import { runSealed } from "../../sim/sealed/run.ts";

describe("values that are sealed to operators by name", () => {
  it.each(["1", "2", "3"])(
    "are opened by whom an administrator named, by no store, and by nobody who was cut: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runSealed({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(4);
    },
  );

  it("are read the same way in the same world", async () => {
    const [first, second] = [await runSealed({ seed: "4" }), await runSealed({ seed: "4" })];
    expect(second).toEqual(first);
  });
});
