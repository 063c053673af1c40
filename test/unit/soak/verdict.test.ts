import { describe, expect, it } from "vitest";
import { floors, type Point, slopePerHour } from "../../../bench/soak/slope.ts";
import { type Gauge, judge } from "../../../bench/soak/verdict.ts";

const HEAP: Gauge = { name: "heap", unit: "bytes", growth: { kind: "with entries", perEntry: 1_000 } };
const HANDLES: Gauge = { name: "handles", unit: "", growth: { kind: "flat" } };

/** Readings over an hour, four a minute. */
function anHour(valueAt: (hours: number) => number): Point[] {
  return Array.from({ length: 240 }, (_, i) => ({ hours: i / 240, value: valueAt(i / 240) }));
}

/** Fills up and is collected, ten times and more an hour. */
const saw = (hours: number): number => 10_000_000 * ((hours * 13) % 1);

describe("a slope", () => {
  it("is that of a straight line", () => {
    expect(slopePerHour(anHour((hours) => 5 + 3 * hours))).toBeCloseTo(3);
    expect(slopePerHour([])).toBe(0);
  });

  it("is not moved by a burst", () => {
    expect(slopePerHour(anHour((hours) => (hours > 0.9 ? 1_000 : 7)))).toBe(0);
  });

  it("of a saw is that of what is left after each collection", () => {
    const lows = floors(
      anHour((hours) => 1_000_000 * hours + saw(hours)),
      10,
    );
    expect(slopePerHour(lows)).toBeGreaterThan(500_000);
    expect(slopePerHour(lows)).toBeLessThan(1_500_000);
  });
});

describe("a gauge", () => {
  it("that goes up and down is steady", () => {
    const heap = judge(HEAP, [anHour((hours) => 30_000_000 + saw(hours))], 0);
    expect(heap).toMatchObject({ verdict: "steady" });
    expect(judge(HANDLES, [anHour((hours) => 8 + (Math.round(hours * 240) % 3))], 0).verdict).toBe("steady");
  });

  it("that loses three handles an hour leaks, even if only one process does", () => {
    const lines = [anHour(() => 8), anHour((hours) => 8 + Math.floor(hours * 3)), anHour(() => 8)];
    expect(judge(HANDLES, lines, 100)).toMatchObject({ verdict: "grows", limitPerHour: 2 });
  });

  it("may grow with the history, and no more than that", () => {
    const growing = (perHour: number): Point[] => anHour((hours) => 30_000_000 + perHour * hours + saw(hours));
    expect(judge(HEAP, [growing(3_000_000)], 5_000).verdict).toBe("steady");
    expect(judge(HEAP, [growing(20_000_000)], 5_000).verdict).toBe("grows");
  });

  it("that was read for ten minutes says nothing", () => {
    const short = anHour((hours) => 8 + 100 * hours).filter(({ hours }) => hours < 1 / 6);
    expect(judge(HANDLES, [short], 0).verdict).toBe("too short");
  });
});
