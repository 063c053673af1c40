import { floors, middleOf, type Point, slopePerHour } from "./slope.ts";

/** How a gauge may grow with the age of a process. */
export type Growth =
  /** Not at all: what is opened is closed. */
  | { readonly kind: "flat" }
  /** As the history does: so many of its units for each entry that is kept, for good. */
  | { readonly kind: "with entries"; readonly perEntry: number };

export interface Gauge {
  readonly name: string;
  readonly unit: "" | "bytes";
  readonly growth: Growth;
}

export interface GaugeReport {
  readonly gauge: string;
  readonly unit: Gauge["unit"];
  /** Of the process where it grows most. */
  readonly perHour: number;
  readonly level: number;
  /** The slope that is still no leak. */
  readonly limitPerHour: number;
  readonly verdict: Verdict;
}

export type Verdict =
  /** The slope is within its limit. */
  | "steady"
  /** It grows by more than its kind allows. */
  | "grows"
  /** Measured for less than {@link SHORTEST_HOURS}: chance could say anything. */
  | "too short";

/** After the warm-up. */
export const SHORTEST_HOURS = 0.25;
const STRETCHES = 10;
/** A level that moves by a twentieth an hour is one that moves to and fro. */
const UNREST = 0.05;
/** Counts go up and down by one or two whatever the level. */
const LEAST_COUNT = 2;

/** What the readings of one gauge at each process mean; `entriesPerHour` is how fast the history grew meanwhile. */
export function judge(gauge: Gauge, processes: readonly (readonly Point[])[], entriesPerHour: number): GaugeReport {
  const lines = processes
    .filter((points) => points.length > 0)
    .map((points) => {
      const lows = floors(points, STRETCHES);
      return { perHour: slopePerHour(lows), level: middleOf(lows.map(({ value }) => value)), hours: spanOf(points) };
    });
  const steepest = lines.reduce((worst, line) => (line.perHour > worst.perHour ? line : worst), {
    perHour: Number.NEGATIVE_INFINITY,
    level: 0,
    hours: 0,
  });
  const { perHour, level, hours } = steepest;
  const history = gauge.growth.kind === "flat" ? 0 : gauge.growth.perEntry * entriesPerHour;
  const limitPerHour = Math.max(UNREST * level, gauge.unit === "" ? LEAST_COUNT : 0) + history;
  const verdict = hours < SHORTEST_HOURS ? "too short" : perHour > limitPerHour ? "grows" : "steady";
  return { gauge: gauge.name, unit: gauge.unit, perHour, level, limitPerHour, verdict };
}

function spanOf(points: readonly Point[]): number {
  return (points.at(-1)?.hours ?? 0) - (points[0]?.hours ?? 0);
}
