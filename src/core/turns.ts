/**
 * Whose turn it is to do what one of several has to do. The first in line acts at once; whoever is next acts when it has
 * heard nothing of it, which covers a first one that crashed, hangs, or cannot reach the receiver. When all have had
 * their turn it begins anew, ever more slowly.
 */
export interface Turn {
  /** Counts up from 0. */
  readonly number: number;
  /** Index into the line. */
  readonly place: number;
  /** Until the next turn begins. */
  readonly leftMs: number;
}

/** Longer than an attempt, its record and one round of anti-entropy together. */
export const TURN_MS = 30_000;
const MOST_TURN_MS = 5 * 60_000;

/** @param waitedMs since it became due, for whoever asks @param of how many stand in line, at least one */
export function turnAt(waitedMs: number, of: number): Turn {
  let [number, beginsMs] = [0, 0];
  for (;;) {
    const turnMs = Math.min(MOST_TURN_MS, TURN_MS * 2 ** Math.min(10, Math.floor(number / of)));
    // From here on all are of one length: what has waited for years is not counted turn by turn.
    const skipped = turnMs === MOST_TURN_MS ? Math.floor((waitedMs - beginsMs) / turnMs) : 0;
    number += skipped;
    beginsMs += skipped * turnMs;
    const endsMs = beginsMs + turnMs;
    if (waitedMs < endsMs) return { number, place: number % of, leftMs: endsMs - waitedMs };
    [number, beginsMs] = [number + 1, endsMs];
  }
}
