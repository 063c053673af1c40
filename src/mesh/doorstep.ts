import type { Clock, Timer } from "../core/ports/clock.ts";
import type { PeerKey } from "../core/ports/link.ts";
import { Timers } from "./timing.ts";

/** Enrolment takes seconds; a stranger has no other business here. */
const STAY_MS = 60_000;

export const MAX_STRANGERS = 32;

/** Connections of strangers: few and short, so that nobody can occupy a node without being a member. */
export class Doorstep {
  readonly #timers: Timers;
  readonly #hangUp: (peer: PeerKey, reason: string) => void;
  readonly #strangers = new Map<PeerKey, Timer>();
  /** Those whose request is being answered, and how many. */
  readonly #served = new Map<PeerKey, number>();

  constructor(clock: Clock, hangUp: (peer: PeerKey, reason: string) => void) {
    this.#timers = new Timers(clock);
    this.#hangUp = hangUp;
  }

  get size(): number {
    return this.#strangers.size;
  }

  opened(peer: PeerKey): void {
    this.closed(peer);
    // The oldest goes, not the newest: it has had its time, and a crowd that stays cannot lock out who comes. Unless it
    // is being answered: a crowd that comes and goes cannot drive out who does what strangers are here for.
    if (this.#strangers.size >= MAX_STRANGERS) {
      const idle = [...this.#strangers.keys()].find((stranger) => !this.#served.has(stranger));
      this.#dismiss(idle ?? peer);
      if (idle === undefined) return;
    }
    this.#strangers.set(
      peer,
      this.#timers.after(STAY_MS, () => this.#dismiss(peer)),
    );
  }

  /** Gone, or not a stranger any more. */
  closed(peer: PeerKey): void {
    this.#strangers.get(peer)?.cancel();
    this.#strangers.delete(peer);
  }

  async serving<T>(peer: PeerKey, serve: () => Promise<T>): Promise<T> {
    this.#served.set(peer, (this.#served.get(peer) ?? 0) + 1);
    try {
      return await serve();
    } finally {
      const left = (this.#served.get(peer) ?? 1) - 1;
      if (left > 0) this.#served.set(peer, left);
      else this.#served.delete(peer);
    }
  }

  stop(): void {
    this.#timers.stop();
  }

  #dismiss(peer: PeerKey): void {
    this.closed(peer);
    this.#hangUp(peer, "strangers do not stay");
  }
}
