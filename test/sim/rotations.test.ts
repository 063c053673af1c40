import { describe, expect, it } from "vitest";
import { runRotations } from "../../sim/rotations.ts";

describe("values that stores make", () => {
  it.each(["1", "2", "3"])(
    "are made when they are due, once in each part of the mesh, and at once when a machine is revoked: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runRotations({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(6);
    },
  );

  it("are made the same way in the same world", async () => {
    const [first, second] = [await runRotations({ seed: "4" }), await runRotations({ seed: "4" })];
    expect(second).toEqual(first);
  });
});
