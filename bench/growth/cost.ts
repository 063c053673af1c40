/** What one machine of a mesh of that size costs. */
export interface Cost {
  readonly nodes: number;
  /** Messages a second while nobody writes. */
  readonly idleMessages: number;
  /** Bytes a second. */
  readonly idleBytes: number;
  /** The same while the whole fleet takes ten writes a minute. */
  readonly busyMessages: number;
  readonly busyBytes: number;
  readonly storeKiB: number;
  readonly memoryKiB: number;
  /** From the word of one machine that it has a write until the last one has it, median. */
  readonly spreadSeconds: number;
  /** From the end of a cut in two until all agree. */
  readonly healSeconds: number;
  /** Of the process that ran the world, all threads. */
  readonly cpuSeconds: number;
  readonly virtualSeconds: number;
}

export type Measure = Exclude<keyof Cost, "nodes" | "cpuSeconds" | "virtualSeconds">;

/** How a measure grows with the number of machines. */
export interface Curve {
  /** Of the power of N that fits best. */
  readonly exponent: number;
  /** What it is called: no more than {@link FLAT} is noise, and the logarithm from 10 to 300 is a power of 0.27. */
  readonly kind: "flat" | "logarithmic" | "more";
}

const FLAT = 0.1;
const LOGARITHMIC = 0.3;

/** Least squares through the logarithms. */
export function curveOf(costs: readonly Cost[], measure: Measure): Curve {
  const points = costs.map((cost) => ({ x: Math.log(cost.nodes), y: Math.log(cost[measure]) }));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((point) => point.x)), mean(points.map((point) => point.y))];
  const above = points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0);
  const below = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  const exponent = above / below;
  return { exponent, kind: exponent <= FLAT ? "flat" : exponent <= LOGARITHMIC ? "logarithmic" : "more" };
}
