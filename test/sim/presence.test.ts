import { describe, expect, it } from "vitest";
import { runPresence } from "../../sim/presence/run.ts";

describe("a machine that lost sight of all, and one that dies when it has just defended itself", () => {
  it.each(["1", "2", "3"])("are taken for what they are: seed %s", async (seed) => {
    const { sometimes, violations } = await runPresence({ seed });
    expect(violations).toEqual([]);
    expect(Object.keys(sometimes)).toHaveLength(3);
  });

  it("take the same way in the same world", async () => {
    const [first, second] = [await runPresence({ seed: "4" }), await runPresence({ seed: "4" })];
    expect(second).toEqual(first);
  });
});
