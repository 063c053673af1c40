/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) as two whole numbers: milliseconds and a
 * counter. One packed number would leave the range that a double holds exactly in 2039.
 */
export interface Hlc {
  readonly ms: number;
  readonly count: number;
}

export const HLC_ZERO: Hlc = { ms: 0, count: 0 };

/** Readings further ahead of the own clock than this are shown, never merged (`trust.md` §9). */
export const HLC_MAX_AHEAD_MS = 5 * 60 * 1000;

export function compareHlc(a: Hlc, b: Hlc): number {
  return a.ms - b.ms || a.count - b.count;
}

/** The reading for the next event: after `latest`, and not before the wall clock. */
export function nextHlc(latest: Hlc, nowMs: number): Hlc {
  return nowMs > latest.ms ? { ms: nowMs, count: 0 } : { ms: latest.ms, count: latest.count + 1 };
}

/** What a writer takes over from a reading that it saw: the later one, unless that is too far ahead of its clock. */
export function mergeHlc(own: Hlc, seen: Hlc, nowMs: number): Hlc {
  return seen.ms <= nowMs + HLC_MAX_AHEAD_MS && compareHlc(seen, own) > 0 ? seen : own;
}
