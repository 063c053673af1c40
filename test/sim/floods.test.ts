import { expect, it } from "vitest";
import { runFloods } from "../../sim/floods/run.ts";

it("a member and a stranger who say as much as they can cost everybody no more than the limits", async () => {
  const { errors, sometimes, violations } = await runFloods({ seed: "1" });
  expect(violations).toEqual([]);
  expect(errors).toEqual({});
  expect(Object.keys(sometimes)).toHaveLength(8);
});
