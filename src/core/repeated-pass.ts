import type { Clock, Timer } from "./ports/clock.ts";

/** - `settled`: nothing is left to do · `unsettled`: worth another try later, as is a throw */
export type PassOutcome = "settled" | "unsettled";

export interface RepeatedPassOptions {
  readonly clock: Clock;
  readonly run: () => Promise<PassOutcome>;
  readonly failed: (error: unknown) => void;
  /** Delay of the first repetition after an unsettled pass; doubles up to `retryMostMs`. */
  readonly retryFirstMs: number;
  readonly retryMostMs: number;
  /** Delay of the next pass after a settled one; without it, a settled pass waits to be asked. */
  readonly restMs?: number;
}

/**
 * Work that acts on the level: runs when asked, one pass at a time, once more if asked meanwhile, and by itself until
 * it is settled. Never inside the call that asks.
 */
export class RepeatedPass {
  readonly #options: RepeatedPassOptions;
  #phase: "idle" | "asked" | "busy" | "again" | "stopped" = "idle";
  #failures = 0;
  #timer: Timer | null = null;

  constructor(options: RepeatedPassOptions) {
    this.#options = options;
  }

  /** Something is new, so the patience for what failed before begins anew, too. */
  request(): void {
    this.#failures = 0;
    this.#ask();
  }

  #ask(): void {
    if (this.#phase === "busy") this.#phase = "again";
    if (this.#phase !== "idle") return;
    this.#phase = "asked";
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(0, () => void this.#pass());
  }

  /** No further pass begins; one that is under way ends by itself. */
  stop(): void {
    this.#phase = "stopped";
    this.#timer?.cancel();
  }

  async #pass(): Promise<void> {
    const { run, failed, clock, retryFirstMs, retryMostMs, restMs } = this.#options;
    this.#phase = "busy";
    let outcome: PassOutcome = "unsettled";
    try {
      outcome = await run();
    } catch (error) {
      if (this.#isStopped()) return;
      failed(error);
    }
    if (this.#isStopped()) return;
    const asked = (this.#phase as string) === "again";
    this.#phase = "idle";
    if (asked) return this.#ask();
    this.#failures = outcome === "settled" ? 0 : this.#failures + 1;
    const delayMs = outcome === "settled" ? restMs : Math.min(retryMostMs, retryFirstMs * 2 ** (this.#failures - 1));
    if (delayMs !== undefined) this.#timer = clock.after(delayMs, () => this.#ask());
  }

  // Asked by a method, as a phase changes while a pass waits and the compiler cannot know.
  #isStopped(): boolean {
    return this.#phase === "stopped";
  }
}
