import type { Clock, Timer } from "../core/ports/clock.ts";
import type { PeerKey } from "../core/ports/link.ts";
import { PeerFailedError } from "../core/ports/link.ts";
import type { Random } from "../core/ports/random.ts";
import type { MeshCounters } from "./counters.ts";
import { around, Timers } from "./timing.ts";

const PING_MS = 15_000;
/**
 * A ping is a stream, and that is the dearest thing which an idle node does: all connections together get one this
 * often, so that ten of them cost no more than three.
 */
const PING_EACH_MS = 6_000;
const FIRST_PING_MS = 500;
const TIMEOUT_MS = 5_000;
/** A ping that failed is repeated soon: a short pause is forgiven, a dead connection is not asked twice in vain. */
const AGAIN_MS = 1_000;
const FAILURES_ALLOWED = 1;

/** Weight of the newest measurement, as in RFC 6298. */
const SMOOTHING = 1 / 8;

export interface PingsParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: MeshCounters;
  ask(peer: PeerKey, timeoutMs: number): Promise<unknown>;
  /** It answered. */
  heard(peer: PeerKey): void;
  /** It did not, for so long that the connection is worth nothing. */
  muted(peer: PeerKey): void;
}

interface Probe {
  timer: Timer;
  failures: number;
  rttMs: number | null;
}

/** Asks every direct connection now and then: how fast it is, and whether anything comes back at all. */
export class Pings {
  readonly #parts: PingsParts;
  readonly #timers: Timers;
  readonly #probes = new Map<PeerKey, Probe>();

  constructor(parts: PingsParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
  }

  stop(): void {
    this.#probes.clear();
    this.#timers.stop();
  }

  opened(peer: PeerKey): void {
    const probe: Probe = { timer: { cancel() {} }, failures: 0, rttMs: null };
    this.#probes.set(peer, probe);
    this.#askIn(peer, probe, around(this.#parts.random, FIRST_PING_MS, 0.5));
  }

  closed(peer: PeerKey): void {
    this.#probes.get(peer)?.timer.cancel();
    this.#probes.delete(peer);
  }

  /** Smoothed; null before the first answer. */
  rttMs(peer: PeerKey): number | null {
    return this.#probes.get(peer)?.rttMs ?? null;
  }

  /** Whatever stood may be dead. */
  askAll(): void {
    for (const [peer, probe] of this.#probes) {
      probe.timer.cancel();
      this.#askIn(peer, probe, this.#parts.random.below(FIRST_PING_MS));
    }
  }

  #askIn(peer: PeerKey, probe: Probe, delayMs: number): void {
    probe.timer = this.#timers.after(delayMs, () => void this.#ask(peer, probe));
  }

  async #ask(peer: PeerKey, probe: Probe): Promise<void> {
    const { clock, counters, random } = this.#parts;
    const askedMs = clock.monotonic();
    counters.pings++;
    const answered = await this.#parts.ask(peer, TIMEOUT_MS).then(
      () => true,
      // Whoever says that it does not answer has answered.
      (error: unknown) => error instanceof PeerFailedError,
    );
    if (this.#probes.get(peer) !== probe) return;

    probe.timer.cancel();
    if (answered) {
      const tookMs = clock.monotonic() - askedMs;
      probe.failures = 0;
      probe.rttMs = probe.rttMs === null ? tookMs : probe.rttMs + (tookMs - probe.rttMs) * SMOOTHING;
      this.#parts.heard(peer);
      this.#askIn(peer, probe, around(random, Math.max(PING_MS, this.#probes.size * PING_EACH_MS), 0.2));
      return;
    }
    counters.pingFailures++;
    probe.failures++;
    if (probe.failures > FAILURES_ALLOWED) this.#parts.muted(peer);
    else this.#askIn(peer, probe, AGAIN_MS);
  }
}
