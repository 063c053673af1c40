import { toHex } from "../../core/bytes.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Random } from "../../core/ports/random.ts";
import { CHALLENGE_BYTES } from "../../core/secrets/operator-read.ts";

/** Somebody may have to find a token and touch it. */
const LIFETIME_MS = 2 * 60_000;
/** Of one member at once: those before go. */
const MOST_OF_ONE = 16;

/**
 * What this store gave out to be signed, each good for one request that comes by the same member. Nothing of it is
 * written down: a store that starts anew takes no request of before.
 */
export class Challenges {
  readonly #clock: Clock;
  readonly #random: Random;
  /** By member, the oldest first: by challenge, when it ends. */
  readonly #given = new Map<string, Map<string, number>>();

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  give(member: string): Uint8Array {
    const challenge = this.#random.bytes(CHALLENGE_BYTES);
    const nowMs = this.#clock.monotonic();
    const given = new Map(
      [...(this.#given.get(member) ?? [])].filter(([, endMs]) => endMs > nowMs).slice(1 - MOST_OF_ONE),
    );
    given.set(toHex(challenge), nowMs + LIFETIME_MS);
    this.#given.set(member, given);
    return challenge;
  }

  /** True if it was given to this member and not used yet; from then on it is. */
  take(member: string, challenge: Uint8Array): boolean {
    const given = this.#given.get(member);
    const id = toHex(challenge);
    const endMs = given?.get(id) ?? Number.NEGATIVE_INFINITY;
    given?.delete(id);
    if (given?.size === 0) this.#given.delete(member);
    return endMs > this.#clock.monotonic();
  }
}
