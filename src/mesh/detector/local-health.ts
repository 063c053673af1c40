/** As in Lifeguard: at the worst, this node gives others nine times as long. */
const WORST = 8;

/**
 * How far this node trusts its own clock and ears (Lifeguard, DSN 2018, "local health multiplier"). Probes that fail,
 * accusations against itself, and timers that come late are signs that it is the slow one; then it waits longer for
 * others. Each probe that is answered in time takes one of them back.
 */
export class LocalHealth {
  #score = 0;

  get multiplier(): number {
    return 1 + this.#score;
  }

  worsen(by = 1): void {
    this.#score = Math.min(WORST, this.#score + by);
  }

  improve(): void {
    this.#score = Math.max(0, this.#score - 1);
  }
}
