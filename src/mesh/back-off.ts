import type { Clock } from "../core/ports/clock.ts";
import type { Random } from "../core/ports/random.ts";

const FIRST_MS = 1_000;
const LAST_MS = 30_000;

/** Whatever resets a back-off: one peer is not dialled more often than this. */
const SHORTEST_PAUSE_MS = 1_000;

/** When to dial one peer again: later after each failure, but never later than half a minute, and for ever. */
export class BackOff {
  readonly #clock: Clock;
  readonly #random: Random;
  #failures = 0;
  #notBeforeMs = 0;
  #failedMs = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Not above 0 if it is due. */
  get dueInMs(): number {
    return this.#notBeforeMs - this.#clock.monotonic();
  }

  failed(): void {
    const pauseMs = Math.min(FIRST_MS * 2 ** this.#failures, LAST_MS);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#failedMs = this.#clock.monotonic();
    // Below the limit only: the longest pause is a promise.
    this.#notBeforeMs = this.#failedMs + pauseMs - this.#random.below(pauseMs / 2);
  }

  /** Something says that the peer may be reached now. */
  reset(): void {
    this.#failures = 0;
    const soonMs = this.#clock.monotonic() + this.#random.below(FIRST_MS / 2);
    this.#notBeforeMs = Math.min(this.#notBeforeMs, Math.max(soonMs, this.#failedMs + SHORTEST_PAUSE_MS));
  }
}
