import type { Clock, Timer } from "../core/ports/clock.ts";
import type { Exchange, ExchangeOutcome, ExchangeRound } from "../core/ports/exchange.ts";
import type { PeerKey } from "../core/ports/link.ts";
import type { Log } from "../core/ports/log.ts";
import type { Random } from "../core/ports/random.ts";
import type { MeshCounters } from "./counters.ts";
import { ShutDoors } from "./shut-doors.ts";
import { around, Timers } from "./timing.ts";

const ROUNDS_MS = 10_000;
const PEERS_PER_TIME = 2;

/** After a connection opened. The end with the higher key waits longer: mostly the first round did the work for both. */
const OPENED_MS = 100;
const OPENED_SECOND_MS = 1_000;

/**
 * A first round that failed is begun again so soon, and so often: what ends it is mostly the other one of two connections
 * that were made at once, and nothing else says that these two have not yet told each other anything.
 */
const OPENED_AGAIN_MS = [1_000, 2_000, 4_000] as const;

const REQUEST_TIMEOUT_MS = 10_000;
/** A peer that answers each request in the last moment does not hold a place for ever. */
const ROUND_MS = 120_000;

/** A node that was away finds all its peers at once; each of them would send it the same. */
const ROUNDS_AT_ONCE = 3;

/** Whoever takes longer for one answer keeps nobody else waiting: three members could hold all places for ever. */
const PROMPT_MS = 2_000;

export interface AntiEntropyParts {
  readonly self: PeerKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: MeshCounters;
  readonly exchange: Exchange;
  /** A round ended well. */
  exchanged(peer: PeerKey): void;
  /** Members that are connected. */
  connected(): readonly PeerKey[];
  ask(peer: PeerKey, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
}

type Outcome = ExchangeOutcome | null;

interface Turn {
  readonly peer: PeerKey;
  readonly done: Promise<Outcome>;
  readonly begin: () => void;
}

/** The sure way of entries: sooner or later every pair of nodes compares what it has, whatever gossip has lost. */
export class AntiEntropy {
  readonly #parts: AntiEntropyParts;
  readonly #timers: Timers;
  readonly #running = new Map<PeerKey, Promise<Outcome>>();
  /** Of {@link #running}, those whose peer is being waited for. */
  readonly #slow = new Set<PeerKey>();
  /** First rounds of connections that are still to begin. */
  readonly #first = new Map<PeerKey, Timer>();
  /** In order; at most one for each peer. */
  readonly #waiting = new Map<PeerKey, Turn>();
  readonly #shutDoors = new ShutDoors();
  #state: "new" | "running" | "stopped" = "new";

  constructor(parts: AntiEntropyParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
  }

  /** Who refuses to compare anything because it takes this node for a stranger. */
  get strangerTo(): readonly PeerKey[] {
    return this.#shutDoors.all;
  }

  start(): void {
    this.#state = "running";
    this.#roundsIn(around(this.#parts.random, ROUNDS_MS, 0.5));
  }

  /** Resolves when no round runs any more; the link must be stopped or stopping, or that takes a while. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#timers.stop();
    for (const turn of this.#waiting.values()) turn.begin();
    this.#waiting.clear();
    await Promise.all(this.#running.values());
  }

  opened(peer: PeerKey): void {
    const { random, self } = this.#parts;
    if (this.#state === "stopped") return;
    const laterMs = self < peer ? 0 : OPENED_SECOND_MS;
    this.#firstRoundIn(peer, laterMs + random.below(OPENED_MS), OPENED_AGAIN_MS);
  }

  #firstRoundIn(peer: PeerKey, delayMs: number, [againMs, ...later]: readonly number[]): void {
    this.#first.get(peer)?.cancel();
    const timer = this.#timers.after(delayMs, () => {
      this.#first.delete(peer);
      if (!this.#parts.connected().includes(peer)) return;
      void this.exchangeWith(peer).then((outcome) => {
        // A connection that was opened since has a first round of its own.
        if (outcome !== null || againMs === undefined || this.#state === "stopped" || this.#first.has(peer)) return;
        this.#firstRoundIn(peer, againMs, later);
      });
    });
    this.#first.set(peer, timer);
  }

  /** One whole round that begins after this call. Null if it failed; never throws. */
  exchangeWith(peer: PeerKey): Promise<Outcome> {
    if (this.#state === "stopped") return Promise.resolve(null);
    const waiting = this.#waiting.get(peer);
    if (waiting !== undefined) return waiting.done;
    let begin: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      begin = resolve;
    }).then(() => this.#round(peer));
    this.#waiting.set(peer, { peer, done, begin });
    this.#beginNext();
    return done;
  }

  #roundsIn(delayMs: number): void {
    this.#timers.after(delayMs, () => {
      const { random } = this.#parts;
      const left = [...this.#parts.connected()];
      for (let i = 0; i < PEERS_PER_TIME && left.length > 0; i++) {
        const [peer] = left.splice(random.below(left.length), 1);
        if (peer !== undefined && !this.#running.has(peer)) void this.exchangeWith(peer);
      }
      this.#roundsIn(around(random, ROUNDS_MS, 0.2));
    });
  }

  #beginNext(): void {
    for (const { peer, done, begin } of this.#waiting.values()) {
      if (this.#running.size - this.#slow.size >= ROUNDS_AT_ONCE) return;
      if (this.#running.has(peer)) continue;
      this.#waiting.delete(peer);
      this.#running.set(peer, done);
      begin();
    }
  }

  async #round(peer: PeerKey): Promise<Outcome> {
    const { counters, log } = this.#parts;
    try {
      if (this.#state === "stopped") return null;
      counters.rounds++;
      const { verdict, received, sent } = await this.#exchange(peer);
      counters.entriesReceived += received;
      counters.entriesSent += sent;
      if (verdict === "diverged") {
        counters.divergences++;
        log.write("error", "mesh.sync.diverged", { peer });
      } else if (received + sent > 0) {
        log.write("debug", "mesh.sync.exchanged", { peer, received, sent });
      }
      this.#shutDoors.opened(peer);
      this.#parts.exchanged(peer);
      return { verdict, received, sent };
    } catch (error) {
      counters.roundFailures++;
      this.#shutDoors.failed(peer, error, this.#parts.clock.monotonic());
      log.write("debug", "mesh.sync.failed", { peer, detail: error instanceof Error ? error.message : String(error) });
      return null;
    } finally {
      this.#running.delete(peer);
      if (this.#state !== "stopped") this.#beginNext();
    }
  }

  async #exchange(peer: PeerKey): Promise<ExchangeOutcome> {
    const { clock, exchange } = this.#parts;
    const untilMs = clock.monotonic() + ROUND_MS;
    const round: ExchangeRound = exchange.begin();
    let request: Uint8Array | null = round.request;
    while (request !== null) {
      if (this.#state === "stopped") throw new Error("this node is stopping");
      if (clock.monotonic() >= untilMs) throw new Error(`the round takes longer than ${ROUND_MS} ms`);
      request = await round.next(await this.#ask(peer, request));
    }
    return round.outcome;
  }

  async #ask(peer: PeerKey, request: Uint8Array): Promise<Uint8Array> {
    const timer = this.#timers.after(PROMPT_MS, () => {
      this.#slow.add(peer);
      this.#beginNext();
    });
    try {
      return await this.#parts.ask(peer, request, REQUEST_TIMEOUT_MS);
    } finally {
      timer.cancel();
      this.#slow.delete(peer);
    }
  }
}
