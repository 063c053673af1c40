import { describe, expect, it } from "vitest";
import { runWakes } from "../../sim/wakes/run.ts";

describe("what was asked for in vain", () => {
  it.each(["1", "2", "3"])("is there as soon as somebody who has it is back: seed %s", async (seed) => {
    const { sometimes, violations } = await runWakes({ seed });
    expect(violations).toEqual([]);
    expect(Object.keys(sometimes)).toHaveLength(2);
  });
});
