import { LabError } from "../core/errors.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Link, PeerKey } from "../core/ports/link.ts";
import { PeerUnreachableError } from "../core/ports/link.ts";
import type { Log } from "../core/ports/log.ts";
import type { MeshCounters } from "./counters.ts";
import type { Roster } from "./roster.ts";

/**
 * Why a connection is made:
 * - `upkeep`: it belongs to the degree and stays
 * - `demand`: somebody has a question, or looks whether a lost member is back; it goes when it is not needed
 */
export type DialReason = "upkeep" | "demand";

/** Each one may hang for seconds, and a Noise handshake costs milliseconds of a core at both ends. */
const DIALS_AT_ONCE = 8;

/** Upkeep leaves two for questions: people wait for those. */
const UPKEEP_AT_ONCE = 6;

const DIAL_TIMEOUT_MS = 10_000;

interface Dial {
  readonly reason: DialReason;
  readonly done: Promise<void>;
}

export interface DiallerParts {
  readonly link: Link;
  readonly roster: Roster;
  readonly log: Log;
  readonly clock: Clock;
  readonly counters: MeshCounters;
  /** Somebody could not be reached, and how soon that was known. */
  failed(peer: PeerKey, tookMs: number): void;
}

/** Dials members, each only once at a time and not too many together. */
export class Dialler {
  readonly #parts: DiallerParts;
  readonly #inFlight = new Map<PeerKey, Dial>();
  readonly #waiting: (() => void)[] = [];

  constructor(parts: DiallerParts) {
    this.#parts = parts;
  }

  get inFlight(): ReadonlyMap<PeerKey, { readonly reason: DialReason }> {
    return this.#inFlight;
  }

  /** Whether upkeep may begin another dial. */
  get hasRoom(): boolean {
    return this.#inFlight.size < UPKEEP_AT_ONCE;
  }

  /** Resolves once a connection stands. Throws {@link PeerUnreachableError}. */
  dial(peer: PeerKey, reason: DialReason): Promise<void> {
    const running = this.#inFlight.get(peer);
    if (running !== undefined) return running.done;
    const done = this.#dial(peer).finally(() => {
      this.#inFlight.delete(peer);
      this.#waiting.shift()?.();
    });
    this.#inFlight.set(peer, { reason, done });
    return done;
  }

  async #dial(peer: PeerKey): Promise<void> {
    if (this.#inFlight.size >= DIALS_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const { clock, counters, link, log, roster } = this.#parts;
    const addresses = roster.addressesOf(peer);
    if (addresses.length === 0) throw new PeerUnreachableError(peer, "no address of it is known");
    counters.dials++;
    const beganMs = clock.monotonic();
    try {
      await link.dial(peer, addresses, DIAL_TIMEOUT_MS);
    } catch (error) {
      counters.dialFailures++;
      const detail = error instanceof Error ? error.message : String(error);
      log.write("debug", "mesh.dial.failed", { peer, addresses, detail });
      this.#parts.failed(peer, clock.monotonic() - beganMs);
      throw error instanceof LabError ? error : new PeerUnreachableError(peer, detail, { cause: error });
    }
  }
}
