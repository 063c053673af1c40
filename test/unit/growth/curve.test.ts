import { describe, expect, it } from "vitest";
import { type Cost, curveOf } from "../../../bench/growth/cost.ts";
import { plot } from "../../../bench/growth/plot.ts";

const SIZES = [10, 30, 100, 300];

function costs(storeOf: (nodes: number) => number): Cost[] {
  const others = { idleMessages: 1, idleBytes: 1, busyMessages: 1, busyBytes: 1, memoryKiB: 1 };
  const times = { spreadSeconds: 1, healSeconds: 1, cpuSeconds: 1, virtualSeconds: 1 };
  return SIZES.map((nodes) => ({ nodes, storeKiB: storeOf(nodes), ...others, ...times }));
}

const kindOf = (storeOf: (nodes: number) => number) => curveOf(costs(storeOf), "storeKiB").kind;

describe("the growth of a measure", () => {
  it("is told apart: flat, logarithmic, more", () => {
    expect(kindOf(() => 7)).toBe("flat");
    expect(kindOf((nodes) => 7 - nodes / 100)).toBe("flat");
    expect(kindOf((nodes) => 7 * Math.log(nodes))).toBe("logarithmic");
    expect(kindOf((nodes) => 7 * Math.sqrt(nodes))).toBe("more");
    expect(kindOf((nodes) => 30 + nodes)).toBe("more");
  });

  it("is drawn with a point for each size, and nothing that no number is", () => {
    const drawn = plot(
      costs((nodes) => nodes),
      [{ measure: "storeKiB", title: "store" }],
    );
    expect(drawn.match(/<circle/g)).toHaveLength(SIZES.length);
    expect(drawn).not.toContain("NaN");
  });
});
