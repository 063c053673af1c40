import type { Random } from "../src/core/ports/random.ts";
import { FAULTS } from "./faults/catalogue.ts";
import type { SpanMs } from "./faults/fault.ts";

/** Something that comes again and again: about how often, and for how long. */
export interface Recurring {
  readonly everyMs: number;
  readonly lastsMs: SpanMs;
}

/** What goes wrong in one world. */
export interface FaultPlan {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMs: SpanMs;
  /** Of all messages this share is on its way for up to {@link TAIL_MS} longer. */
  readonly tail: number;
  /** Wall clocks are off by up to this much from the beginning. */
  readonly offsetMs: number;
  /** Clocks run too fast or too slow by up to this many millionths from the beginning. */
  readonly driftPpm: number;
  /**
   * - `member`: a machine that was enrolled in good faith cheats, and so does an operator
   * - `store`: the machine is a secret store and a coordinator as well, and a second operator may administer
   */
  readonly hostile: "absent" | "member" | "store";
  /** By kind of fault (`faults/catalogue.ts`); what is not in it does not happen. */
  readonly recurring: Readonly<Record<string, Recurring>>;
}

export const CALM: FaultPlan = {
  loss: 0,
  duplication: 0,
  delayMs: [1, 30],
  tail: 0,
  offsetMs: 0,
  driftPpm: 0,
  hostile: "absent",
  recurring: {},
};

/** A second attempt of a request begins before a message of the tail is there. */
export const TAIL_MS = 15_000;

/**
 * Each kind of fault is there or not, and strong or weak, as the seed says: worlds that differ find more than one mean.
 * Each kind draws from a source of its own, so that a new one changes nothing about the others.
 */
export function drawFaults(random: Random): FaultPlan {
  const drawFor = (kind: string) => {
    const own = random.fork(kind);
    return {
      chance: (percent: number): boolean => own.below(100) < percent,
      between: (min: number, max: number): number => min + own.below(max - min + 1),
    };
  };
  const [loss, duplication, delay, tail] = [drawFor("loss"), drawFor("duplication"), drawFor("delay"), drawFor("tail")];
  const [offset, drift, hostile] = [drawFor("offset"), drawFor("drift"), drawFor("hostile")];
  const recurring = FAULTS.flatMap(({ kind, percent, everyMs, lastsMs }): [string, Recurring][] => {
    const { chance, between } = drawFor(`recurring ${kind}`);
    return chance(percent) ? [[kind, { everyMs: between(everyMs / 2, everyMs * 2), lastsMs }]] : [];
  });
  return {
    loss: loss.chance(60) ? loss.between(1, 100) / 1000 : 0,
    duplication: duplication.chance(40) ? duplication.between(1, 100) / 1000 : 0,
    delayMs: delay.chance(30) ? [1, delay.between(100, 1500)] : [1, 30],
    tail: tail.chance(30) ? tail.between(1, 30) / 1000 : 0,
    // Beyond five minutes operators do not sign, and clocks of that far ahead are shown and not merged.
    offsetMs: offset.chance(50) ? (offset.chance(50) ? 20 * 60_000 : offset.between(100, 120_000)) : 0,
    driftPpm: drift.chance(40) ? drift.between(10, 500) : 0,
    hostile: hostile.chance(75) ? (hostile.chance(50) ? "store" : "member") : "absent",
    recurring: Object.fromEntries(recurring),
  };
}

/** What a plan has besides recurring faults, by the name under which a run can do without it. */
const PARTS: Readonly<Record<string, Partial<FaultPlan>>> = {
  loss: { loss: CALM.loss },
  duplication: { duplication: CALM.duplication },
  delays: { delayMs: CALM.delayMs },
  "delay tail": { tail: CALM.tail },
  "wrong clocks": { offsetMs: CALM.offsetMs },
  "drifting clocks": { driftPpm: CALM.driftPpm },
  hostile: { hostile: CALM.hostile },
};

export const PLAN_KINDS: readonly string[] = Object.keys(PARTS);

/** The same plan without some kinds of faults. */
export function planWithout(plan: FaultPlan, kinds: ReadonlySet<string>): FaultPlan {
  const parts = [...kinds].map((kind) => PARTS[kind] ?? {});
  const recurring = Object.entries(plan.recurring).filter(([kind]) => !kinds.has(kind));
  return Object.assign({}, plan, ...parts, { recurring: Object.fromEntries(recurring) }) as FaultPlan;
}
