import { describe, expect, it } from "vitest";
import { runDelivery } from "../../sim/delivery/run.ts";
import { runReturns } from "../../sim/returns/run.ts";

describe("secrets in front of programs", () => {
  it.each(["1", "2", "3"])(
    "are one whole generation of what the machine may have, whoever dies, and units hear of what is new: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runDelivery({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(8);
    },
  );

  it("are placed the same way in the same world", async () => {
    expect(await runDelivery({ seed: "4" })).toEqual(await runDelivery({ seed: "4" }));
  });
});

describe("older values, and values that no store can open", () => {
  it.each(["1", "2", "3"])(
    "are current everywhere when somebody has signed it, across cuts and from whichever store has them: seed %s",
    async (seed) => {
      const { sometimes, violations } = await runReturns({ seed });
      expect(violations).toEqual([]);
      expect(Object.keys(sometimes)).toHaveLength(7);
    },
  );

  it("are returned to the same way in the same world", async () => {
    expect(await runReturns({ seed: "4" })).toEqual(await runReturns({ seed: "4" }));
  });
});
