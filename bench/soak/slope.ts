/** One reading of a gauge. */
export interface Point {
  /** Hours since the soak began. */
  readonly hours: number;
  readonly value: number;
}

/**
 * The median of the slopes of all pairs, per hour (Theil 1950, Sen 1968): a burst, or a collection of garbage in the last
 * reading, does not move it. Zero for fewer than two points.
 */
export function slopePerHour(points: readonly Point[]): number {
  const slopes: number[] = [];
  for (const [i, a] of points.entries()) {
    for (const b of points.slice(i + 1)) {
      if (b.hours > a.hours) slopes.push((b.value - a.value) / (b.hours - a.hours));
    }
  }
  return slopes.length === 0 ? 0 : middleOf(slopes);
}

/**
 * The least reading of each of `count` equal stretches of time. Memory is a saw: what was not collected yet says nothing,
 * and what is left after a collection does.
 */
export function floors(points: readonly Point[], count: number): Point[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return [];
  const width = (last.hours - first.hours) / count;
  const least = new Map<number, Point>();
  for (const point of points) {
    const stretch = width === 0 ? 0 : Math.min(count - 1, Math.floor((point.hours - first.hours) / width));
    if (point.value < (least.get(stretch)?.value ?? Number.POSITIVE_INFINITY)) least.set(stretch, point);
  }
  return [...least.values()];
}

export function middleOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2;
}
