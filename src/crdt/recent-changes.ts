import type { Chain } from "./chain.ts";

/** Whoever looks less often than that looks at everything. */
const RECENT = 256;

/** The latest changes of a replica's chains and reports: a chain itself, a report by its log. */
export class RecentChanges {
  #count = 0;
  /** The oldest first. */
  #latest: (Chain | string)[] = [];

  /** How many there ever were. */
  get count(): number {
    return this.#count;
  }

  note(what: Chain | string): void {
    this.#count++;
    this.#latest.push(what);
    if (this.#latest.length > 2 * RECENT) this.#latest = this.#latest.slice(-RECENT);
  }

  /** Those after the first `count`; null if anything may have changed. */
  since(count: number): readonly (Chain | string)[] | null {
    const missed = this.#count - count;
    return missed > this.#latest.length ? null : this.#latest.slice(this.#latest.length - missed);
  }
}
