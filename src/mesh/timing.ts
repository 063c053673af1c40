import type { Clock, Timer } from "../core/ports/clock.ts";
import type { Random } from "../core/ports/random.ts";

/** Calls of one part that end with it: after `stop` none of them runs. */
export class Timers {
  readonly #clock: Clock;
  readonly #pending = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = this.#clock.after(delayMs, () => {
      this.#pending.delete(pending);
      run();
    });
    const pending: Timer = {
      cancel: () => {
        this.#pending.delete(pending);
        timer.cancel();
      },
    };
    this.#pending.add(pending);
    return pending;
  }

  stop(): void {
    for (const timer of this.#pending) timer.cancel();
    this.#pending.clear();
  }
}

/** A time between `(1 - part) * ms` and `(1 + part) * ms`, so that what began together does not go on together. */
export function around(random: Random, ms: number, part: number): number {
  const spreadMs = Math.round(ms * part);
  return ms - spreadMs + random.below(2 * spreadMs + 1);
}

/** The promise's outcome, or a rejection with `late()` when it takes longer; what was begun then goes on unheard. */
export function within<T>(clock: Clock, timeoutMs: number, promise: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => reject(late()));
    promise.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
