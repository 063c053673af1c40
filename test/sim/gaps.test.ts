import { describe, expect, it } from "vitest";
import { runGaps } from "../../sim/gaps/run.ts";

describe("a machine that finds its own log damaged while it runs, or gone", () => {
  it.each(["1", "2", "3"])("gives no number of it twice, and has it whole again: seed %s", async (seed) => {
    const { sometimes, violations } = await runGaps({ seed });
    expect(violations).toEqual([]);
    expect(Object.keys(sometimes)).toEqual(["an own log has a gap", "a backup restores an own log"]);
  });
});
