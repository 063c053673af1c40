import { describe, expect, it } from "vitest";
import { runReaders } from "../../sim/readers/run.ts";

describe("operators who read", () => {
  it.each(["1", "2", "3"])(
    "get what an administrator allowed them, and nobody else does, nor they themselves once they are cut: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runReaders({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(5);
    },
  );

  it("read the same way in the same world", async () => {
    const [first, second] = [await runReaders({ seed: "4" }), await runReaders({ seed: "4" })];
    expect(second).toEqual(first);
  });
});
