import type { Clock } from "../src/core/ports/clock.ts";

/**
 * What something that goes wrong is counted under. `other` makes life hard and breaks nothing by itself: pauses, other
 * addresses, slow links. `work` is what honest operators do. Messages that are lost on their way are no acts.
 */
export type Family = "crash" | "cut" | "disk" | "clock" | "byzantine" | "other" | "work";

export const COUNTED: readonly Family[] = ["crash", "cut", "disk", "clock", "byzantine"];

/** One thing that somebody or something did to a world. */
export interface Act {
  /** Counts what happened and what was left out, so that leaving one out gives no other its number. */
  readonly number: number;
  readonly atMs: number;
  readonly family: Family;
  readonly kind: string;
  /** Names of the machines that it is done to; of none when it is done to all. */
  readonly who: readonly string[];
}

/** What a run leaves out: whoever shrinks a failure asks whether it needs an act. */
export interface LeftOut {
  readonly kinds: ReadonlySet<string>;
  readonly numbers: ReadonlySet<number>;
}

export const NOTHING_LEFT_OUT: LeftOut = { kinds: new Set(), numbers: new Set() };

/** What a world can be in the middle of when something happens to it. */
export const STATES = [
  "somebody is down",
  "the mesh is cut",
  "a disk is full",
  "a machine is paused",
  "a clock is wrong",
  "an operator is at work",
  "an operator has been cut",
] as const;
export type State = (typeof STATES)[number];

/** Acts that are this near to each other were met together. */
const TOGETHER_MS = 60_000;

/** Every act of one world, in order. */
export class Acts {
  readonly all: Act[] = [];
  readonly #clock: Clock;
  readonly #leftOut: LeftOut;
  readonly #states: () => readonly State[];
  /** `kind × state`: what was met in the middle of what. */
  readonly met = new Set<string>();
  #next = 1;

  constructor(clock: Clock, leftOut: LeftOut, states: () => readonly State[]) {
    this.#clock = clock;
    this.#leftOut = leftOut;
    this.#states = states;
  }

  /** False if this run does without it. */
  take(family: Family, kind: string, who: readonly string[]): boolean {
    const number = this.#next++;
    if (this.#leftOut.kinds.has(kind) || this.#leftOut.numbers.has(number)) return false;
    if (COUNTED.includes(family)) {
      for (const state of this.#states()) this.met.add(`${family} × ${state}`).add(`${kind} × ${state}`);
    }
    this.all.push({ number, atMs: this.#clock.monotonic(), family, kind, who });
    return true;
  }

  /** How often each kind of fault happened, sorted by kind. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { family, kind } of this.all) if (family !== "work") counts[kind] = (counts[kind] ?? 0) + 1;
    return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Crashes, cuts, disk, clock and byzantine acts. */
  get counted(): number {
    return this.all.filter(({ family }) => COUNTED.includes(family)).length;
  }

  /** Pairs of families of which one act came within a minute of another, each as `a + b`. */
  pairs(): string[] {
    const met = new Set<string>();
    const recent: Act[] = [];
    for (const act of this.all) {
      while (recent[0] !== undefined && recent[0].atMs < act.atMs - TOGETHER_MS) recent.shift();
      if (!COUNTED.includes(act.family)) continue;
      for (const { family } of recent) met.add([family, act.family].sort().join(" + "));
      recent.push(act);
    }
    return [...met].sort();
  }
}
