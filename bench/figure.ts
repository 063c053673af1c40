/** One measured figure. A bar is a ratio within one run on one machine wherever there is something to compare with. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  readonly holds: boolean;
  /** What it was measured against in the same run, and how. */
  readonly versus: string;
}

export function atMost(name: string, value: number, unit: string, target: number, versus: string): Figure {
  return { name, value, unit, target, holds: value <= target, versus };
}

export function atLeast(name: string, value: number, unit: string, target: number, versus: string): Figure {
  return { name, value, unit, target, holds: value >= target, versus };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
