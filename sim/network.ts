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
    broadcastsSent: 0,
    broadcastsDelivered: 0,
    broadcastsLost: 0,
    broadcastsDuplicated: 0,
  };
  /** What left each machine, by its key and by channel. */
  readonly sent = new Map<PeerKey, Map<string, Sent>>();
  /** What each machine said to everybody and nobody had said before, by its key, in bytes. */
  readonly said = new Map<PeerKey, number>();
  readonly #clock: Clock;
  readonly #wire: Wire;
  readonly #links = new Map<string, SimLink>();
  #linkCount = 0;
  #healedMs = Number.NEGATIVE_INFINITY;
  #cuts: Cut[] = [];
  readonly #slow: { readonly keys: ReadonlySet<PeerKey>; readonly byMs: number }[] = [];
  /** Address that a router has, by key of whoever is behind it. */
  readonly #routers = new Map<PeerKey, string>();
  /** What waits for machines that are paused. */
  readonly #kept = new Map<PeerKey, (() => void)[]>();
  #tail = { probability: 0, mostMs: 1 };
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
    const tail = random.fork("tail");
    this.#wire = {
      clock,
      counters: this.counters,
      broadcasts: new Broadcasts(),
      detectMs: options.detectMs ?? 3_000,
      at: (address) => this.#links.get(address),
      isCut: (from, to) => this.#cuts.length > 0 && this.#isCut(from, to),
      isOut: (host, from) => this.#routers.size > 0 && this.#isBehindAnother(host, from),
      seenAt: (link) => this.#seenAt(link),
      whenAwake: (link, run) => this.#whenAwake(link, run),
      leave: (from, kind, messages, bytes) => this.#leave(from, kind, messages, bytes),
      say: (from, bytes) => void this.said.set(from, (this.said.get(from) ?? 0) + bytes),
      isLost: () => happens(loss, this.#loss),
      isDuplicated: () => happens(duplication, this.#duplication),
      drawDelayMs: (from, to) => {
        const delayMs = this.#delayMs[0] + delay.below(this.#delayMs[1] - this.#delayMs[0] + 1);
        const lateMs = happens(tail, this.#tail.probability) ? tail.below(this.#tail.mostMs) : 0;
        return delayMs + lateMs + this.#slownessMs(from, to);
      },
      carry: (from, to, arrive, vanish, delayMs = this.#wire.drawDelayMs(from, to)) => {
        clock.after(delayMs, () => {
          if (!this.#wire.isCut(from, to)) this.#whenAwake(to, arrive);
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
   * From now on nothing passes between any key of `a` and any key of `b`, or nothing from `a` to `b`. Connections
   * across the cut are noticed to be dead after the detection delay, if it still stands then: each needs both ways.
   * Cuts add up; what is given back ends this one.
   */
  cut(a: Iterable<PeerKey>, b: Iterable<PeerKey>, ways: Cut["ways"] = "both"): () => void {
    const cut: Cut = { a: new Set(a), b: new Set(b), ways };
    this.#cuts.push(cut);
    this.#clock.after(this.#wire.detectMs, () => {
      for (const link of this.#links.values()) link.loseCutOff();
    });
    return () => {
      if (!this.#cuts.includes(cut)) return;
      this.#cuts = this.#cuts.filter((other) => other !== cut);
      this.#healedMs = this.#clock.monotonic();
    };
  }

  /** Whatever these send or get is on its way for so much longer. */
  slowDown(keys: Iterable<PeerKey>, byMs: number): () => void {
    const slow = { keys: new Set(keys), byMs };
    this.#slow.push(slow);
    return () => void this.#slow.splice(this.#slow.indexOf(slow), 1);
  }

  /** These reach everybody and are seen at one address, and nobody who is not behind it as well reaches them. */
  hide(keys: readonly PeerKey[], host: string): () => void {
    for (const key of keys) this.#routers.set(key, host);
    return () => {
      for (const key of keys) this.#routers.delete(key);
    };
  }

  /** Whatever happens to this machine is kept for it until it goes on. */
  pause(key: PeerKey): () => void {
    const kept: (() => void)[] = [];
    this.#kept.set(key, kept);
    return () => {
      if (this.#kept.get(key) !== kept) return;
      this.#kept.delete(key);
      for (const run of kept) this.#clock.after(0, run);
    };
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

  /** Now and then a message is on its way for up to so long. */
  setTail(probability: number, mostMs: number): void {
    this.#tail = { probability, mostMs };
  }

  #leave(from: PeerKey, kind: string, messages: number, bytes: number): void {
    let kinds = this.sent.get(from);
    if (kinds === undefined) this.sent.set(from, (kinds = new Map()));
    const sent = kinds.get(kind);
    if (sent === undefined) kinds.set(kind, { messages, bytes });
    else {
      sent.messages += messages;
      sent.bytes += bytes;
    }
  }

  #isCut(from: PeerKey, to: PeerKey): boolean {
    return this.#cuts.some(
      ({ a, b, ways }) => (a.has(from) && b.has(to)) || (ways === "both" && a.has(to) && b.has(from)),
    );
  }

  #slownessMs(from: PeerKey, to: PeerKey): number {
    let slownessMs = 0;
    for (const { keys, byMs } of this.#slow) if (keys.has(from) || keys.has(to)) slownessMs += byMs;
    return slownessMs;
  }

  #isBehindAnother(host: PeerKey, from: PeerKey): boolean {
    const router = this.#routers.get(host);
    return router !== undefined && this.#routers.get(from) !== router;
  }

  #seenAt({ self, address }: SimLink): string {
    const router = this.#routers.get(self);
    return router === undefined ? address : `${router}:${1024 + Number.parseInt(self.slice(0, 4), 16)}`;
  }

  #whenAwake(key: PeerKey, run: () => void): void {
    const kept = this.#kept.size === 0 ? undefined : this.#kept.get(key);
    if (kept === undefined) run();
    else kept.push(run);
  }
}

export interface Sent {
  messages: number;
  bytes: number;
}

interface Cut {
  readonly a: ReadonlySet<PeerKey>;
  readonly b: ReadonlySet<PeerKey>;
  /** `forth`: nothing comes from `a` to `b`, and the other way all does. */
  readonly ways: "both" | "forth";
}

function happens(random: Random, probability: number): boolean {
  return probability > 0 && random.below(1_000_000) < probability * 1_000_000;
}
