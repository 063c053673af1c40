import type { Clock } from "../../core/ports/clock.ts";
import type { CurrentVersion } from "../../core/secrets/version.ts";

/** An envelope follows its version at once, by whoever signed it: what is older than that is not on its way. */
const FRESH_MS = 5_000;
/** Less than whoever asks waits for an answer. */
const MOST_MS = 1_500;

/**
 * A version is known everywhere before its value is in a store, as stores judge a value by what was signed. Who asks in
 * between waits here for it, for a moment, in place of being told that it is missing and asking again a second later.
 */
export class Arrivals {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True once the envelope of this version came; false at once if nobody can be expected to bring it. */
  async of({ version, hlc }: Pick<CurrentVersion, "version" | "hlc">): Promise<boolean> {
    if (Math.abs(this.#clock.now() - hlc.ms) > FRESH_MS) return false;
    const waiting = this.#waiting.get(version) ?? new Set();
    this.#waiting.set(version, waiting);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const came = () => resolve(true);
    waiting.add(came);
    const timer = this.#clock.after(MOST_MS, () => resolve(false));
    try {
      return await promise;
    } finally {
      timer.cancel();
      waiting.delete(came);
      if (waiting.size === 0) this.#waiting.delete(version);
    }
  }

  came(version: string): void {
    for (const came of this.#waiting.get(version) ?? []) came();
  }
}
