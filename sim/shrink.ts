import { PLAN_KINDS } from "./fault-plan.ts";
import type { LeftOut } from "./acts.ts";
import { type FullRun, type RunOptions, runInFull } from "./run.ts";

/** So many worlds are tried at most. */
const MOST_RUNS = 120;
const LEAST_MACHINES = 3;
const LEAST_MINUTES = 0.1;

export interface Shrunk {
  readonly options: RunOptions;
  readonly outcome: FullRun;
  readonly runs: number;
}

/**
 * The smallest world that fails in the same check: fewer minutes, fewer machines, fewer kinds of faults, fewer acts. An
 * act that is left out keeps its number, so that the others stay what they are as far as the world lets them.
 */
export async function shrink(options: RunOptions, failed: FullRun): Promise<Shrunk> {
  const search = new Search(options, failed);
  await search.shorten();
  await search.thin();
  await search.leaveOutKinds();
  await search.leaveOutActs();
  await search.shorten();
  return search;
}

class Search implements Shrunk {
  options: RunOptions;
  outcome: FullRun;
  runs = 0;
  readonly #check: string;

  constructor(options: RunOptions, outcome: FullRun) {
    this.options = options;
    this.outcome = outcome;
    this.#check = outcome.report.violations[0]?.check ?? "";
  }

  /** True if the change is one for the better, which it then is for good. */
  async #try(change: Partial<RunOptions>): Promise<boolean> {
    if (this.runs >= MOST_RUNS) return false;
    this.runs++;
    const options = { ...this.options, ...change };
    const outcome = await runInFull(options);
    if (!outcome.report.violations.some(({ check }) => check === this.#check)) return false;
    this.options = options;
    this.outcome = outcome;
    return true;
  }

  async shorten(): Promise<void> {
    for (let by = 0.5; by < 0.95; by += 0.2) {
      while (
        this.options.minutes * by > LEAST_MINUTES &&
        (await this.#try({ minutes: rounded(this.options.minutes * by) }))
      );
    }
  }

  async thin(): Promise<void> {
    const { nodes } = this.options;
    for (let fewer = LEAST_MACHINES; fewer < nodes; fewer++) if (await this.#try({ nodes: fewer })) return;
  }

  async leaveOutKinds(): Promise<void> {
    const kinds = [...PLAN_KINDS, ...new Set(this.outcome.acts.map(({ kind }) => kind))];
    for (const kind of kinds) {
      const { kinds: before, numbers } = this.#leftOut;
      await this.#try({ leftOut: { kinds: new Set([...before, kind]), numbers } });
    }
  }

  /** Halves, quarters and so on, until no single act can be left out. */
  async leaveOutActs(): Promise<void> {
    for (let size = Math.ceil(this.outcome.acts.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < this.outcome.acts.length; ) {
        const some = this.outcome.acts.slice(from, from + size).map(({ number }) => number);
        const { kinds, numbers } = this.#leftOut;
        const isLess = await this.#try({ leftOut: { kinds, numbers: new Set([...numbers, ...some]) } });
        if (!isLess) from += size;
        if (this.runs >= MOST_RUNS) return;
      }
    }
  }

  get #leftOut(): LeftOut {
    return this.options.leftOut ?? { kinds: new Set(), numbers: new Set() };
  }
}

function rounded(minutes: number): number {
  return Math.round(minutes * 100) / 100;
}
