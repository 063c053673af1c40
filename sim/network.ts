import type { Clock } from "../src/core/ports/clock.ts";
import type { PeerKey } from "../src/core/ports/link.ts";
import type { Random } from "../src/core/ports/random.ts";
import type { NetworkCounters, Wire } from "./link.ts";
import { Broadcasts, SimLink } from "./link.ts";

export interface SimNetworkOptions {
  /** How long a message is on its way, one way. Every one draws its own: later ones overtake earlier ones. */
  readonly delayMs?: readonly [min: number, max: number];
  /** Probability, for each hop of a broadcast and for each message of a request. */
  readonly loss?: number;
  /** Probability that a broadcast is delivered twice. */
  readonly duplication?: number;
  /** How long a machine keeps a connection over which nothing comes back. */
  readonly detectMs?: number;
}

/** Everything between the machines of a world. */
export class SimNetwork {
  readonly counters: NetworkCounters = {
    dials: 0,
    dialsFailed: 0,
    connectionsOpened: 0,
    connectionsClosed: 0,
    requests: 0,
    requestsLost: 0,
    broadcasts: 0,
    broadcastsDelivered: 0,
    broadcastsLost: 0,
    broadcastsDuplicated: 0,
  };
  readonly #clock: Clock;
  readonly #wire: Wire;
  readonly #links = new Map<string, SimLink>();
  #linkCount = 0;
  #healedMs = Number.NEGATIVE_INFINITY;
  #cuts: { readonly a: ReadonlySet<PeerKey>; readonly b: ReadonlySet<PeerKey> }[] = [];
  #delayMs: readonly [number, number];
  #loss: number;
  #duplication: number;

  constructor(clock: Clock, random: Random, options: SimNetworkOptions = {}) {
    this.#clock = clock;
    this.#delayMs = options.delayMs ?? [1, 30];
    this.#loss = options.loss ?? 0;
    this.#duplication = options.duplication ?? 0;

    // A source of its own for each, so that turning one up does not change what the others draw.
    const [delay, loss, duplication] = [random.fork("delay"), random.fork("loss"), random.fork("duplication")];
    this.#wire = {
      clock,
      counters: this.counters,
      broadcasts: new Broadcasts(),
      detectMs: options.detectMs ?? 3_000,
      at: (address) => this.#links.get(address),
      isCut: (a, b) => this.#isCut(a, b),
      isLost: () => happens(loss, this.#loss),
      isDuplicated: () => happens(duplication, this.#duplication),
      drawDelayMs: () => this.#delayMs[0] + delay.below(this.#delayMs[1] - this.#delayMs[0] + 1),
      carry: (from, to, arrive, vanish, delayMs = this.#wire.drawDelayMs()) => {
        clock.after(delayMs, () => {
          if (!this.#isCut(from, to)) arrive();
          else vanish?.();
        });
      },
    };
  }

  /** A link that is not started yet. A machine that starts again gets a new one, once the old one has gone. */
  createLink(key: PeerKey, address: string): SimLink {
    const taken = [...this.#links.values()].find(
      (link) => link.isAlive && (link.self === key || link.address === address),
    );
    if (taken !== undefined) throw new Error(`${taken.self} still runs at ${taken.address}`);
    const link = new SimLink(this.#wire, this.#linkCount++, key, address);
    this.#links.set(address, link);
    return link;
  }

  /** Another lease, another network: nobody finds it where it was, and its connections are dead. */
  move(link: SimLink, address: string): void {
    if (this.#links.get(address)?.isAlive) throw new Error(`somebody is at ${address}`);
    if (this.#links.get(link.address) === link) this.#links.delete(link.address);
    this.#links.set(address, link);
    link.moveTo(address);
  }

  /**
   * From now on nothing passes between any key of `a` and any key of `b`. Connections across the cut are noticed to
   * be dead after the detection delay, if it still stands then. Cuts add up.
   */
  cut(a: Iterable<PeerKey>, b: Iterable<PeerKey>): void {
    this.#cuts.push({ a: new Set(a), b: new Set(b) });
    this.#clock.after(this.#wire.detectMs, () => {
      for (const link of this.#links.values()) link.loseCutOff();
    });
  }

  /** Until when anybody was cut off; now, if somebody is. */
  get cutMs(): number {
    return this.#cuts.length > 0 ? this.#clock.monotonic() : this.#healedMs;
  }

  /** Ends all cuts. */
  heal(): void {
    if (this.#cuts.length > 0) this.#healedMs = this.#clock.monotonic();
    this.#cuts = [];
  }

  setLoss(probability: number): void {
    this.#loss = probability;
  }

  setDuplication(probability: number): void {
    this.#duplication = probability;
  }

  setDelay(minMs: number, maxMs: number): void {
    this.#delayMs = [minMs, maxMs];
  }

  #isCut(x: PeerKey, y: PeerKey): boolean {
    return this.#cuts.some(({ a, b }) => (a.has(x) && b.has(y)) || (a.has(y) && b.has(x)));
  }
}

function happens(random: Random, probability: number): boolean {
  return probability > 0 && random.below(1_000_000) < probability * 1_000_000;
}
