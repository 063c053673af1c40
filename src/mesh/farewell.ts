import type { Clock } from "../core/ports/clock.ts";
import type { Notice } from "../core/ports/exchange.ts";
import type { PeerKey } from "../core/ports/link.ts";
import type { Log } from "../core/ports/log.ts";
import { TokenBucket } from "../core/token-bucket.ts";

/** Of one machine: each time it can be a mebibyte or more, and whoever has understood does not come again. */
const NOTICES = { perSecond: 1 / 60, burst: 3 };

const NOTICES_AT_ONCE = 8;

/** The machine still runs what it ran as a member: it answers at once, or has no good reason not to. */
const ANSWER_MS = 1_000;

/** Of 1 MiB each. A mesh of ten thousand machines has some twenty of authority. */
const MAX_REQUESTS = 64;

export interface FarewellParts {
  readonly clock: Clock;
  readonly log: Log;
  /** What there is to tell a removed machine; null if it is none. */
  noticeFor(peer: PeerKey): Notice | null;
  ask(peer: PeerKey, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
}

/**
 * Tells machines that were removed that they were, before the connection ends: nobody else would, and what they hold
 * would stay where it is. They are told what operators signed, and judge it by themselves.
 */
export class Farewell {
  readonly #parts: FarewellParts;
  /** One for each key that was a member once and came again. */
  readonly #paces = new Map<PeerKey, TokenBucket>();
  readonly #telling = new Map<PeerKey, Promise<void>>();

  constructor(parts: FarewellParts) {
    this.#parts = parts;
  }

  /** Resolves when it has been told, or cannot be; never throws. */
  async tell(peer: PeerKey): Promise<void> {
    let telling = this.#telling.get(peer);
    if (telling === undefined) {
      if (this.#telling.size >= NOTICES_AT_ONCE || !this.#isDue(peer)) return;
      telling = this.#begin(peer);
      this.#telling.set(peer, telling);
    }
    await telling;
  }

  #isDue(peer: PeerKey): boolean {
    const nowMs = this.#parts.clock.monotonic();
    const pace = this.#paces.get(peer) ?? new TokenBucket(NOTICES, nowMs);
    this.#paces.set(peer, pace);
    return pace.take(1, nowMs);
  }

  async #begin(peer: PeerKey): Promise<void> {
    const { log } = this.#parts;
    try {
      await this.#tell(peer);
      log.write("info", "mesh.removed.told", { peer });
    } catch (error) {
      log.write("debug", "mesh.removed.not-told", { peer, detail: String(error) });
    } finally {
      this.#telling.delete(peer);
    }
  }

  async #tell(peer: PeerKey): Promise<void> {
    const notice = this.#parts.noticeFor(peer);
    let request: Uint8Array | null = notice?.request ?? null;
    for (let i = 0; i < MAX_REQUESTS && request !== null; i++) {
      const answer = await this.#parts.ask(peer, request, ANSWER_MS);
      request = notice?.next(answer) ?? null;
    }
  }
}
