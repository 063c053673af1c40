import type { Clock, Timer } from "../core/ports/clock.ts";
import type { PeerKey } from "../core/ports/link.ts";
import { Timers } from "./timing.ts";

/** Enrolment takes seconds; a stranger has no other business here. */
const STAY_MS = 60_000;

const MAX_STRANGERS = 16;

/** Connections of strangers: few and short, so that nobody can occupy a node without being a member. */
export class Doorstep {
  readonly #timers: Timers;
  readonly #hangUp: (peer: PeerKey, reason: string) => void;
  readonly #strangers = new Map<PeerKey, Timer>();

  constructor(clock: Clock, hangUp: (peer: PeerKey, reason: string) => void) {
    this.#timers = new Timers(clock);
    this.#hangUp = hangUp;
  }

  get size(): number {
    return this.#strangers.size;
  }

  opened(peer: PeerKey): void {
    this.closed(peer);
    // The oldest goes, not the newest: it has had its time, and a crowd that stays cannot lock out who comes.
    const [oldest] = this.#strangers.keys();
    if (oldest !== undefined && this.#strangers.size >= MAX_STRANGERS) this.#dismiss(oldest);
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

  stop(): void {
    this.#timers.stop();
  }

  #dismiss(peer: PeerKey): void {
    this.closed(peer);
    this.#hangUp(peer, "a stranger stayed too long");
  }
}
