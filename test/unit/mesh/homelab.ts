import { SimClock, settled } from "../../../sim/clock.ts";
import type { SimLink } from "../../../sim/link.ts";
import { CollectingLog } from "../../../sim/log.ts";
import { interfacesAt } from "../../../sim/machine.ts";
import { SimNetwork, type SimNetworkOptions } from "../../../sim/network.ts";
import { seededRandom } from "../../../sim/random.ts";
import { decode, encode, type Plain } from "../../../src/core/encoding.ts";
import type { Exchange, ExchangeOutcome, ExchangeRound } from "../../../src/core/ports/exchange.ts";
import type { Link, PeerKey, Standing } from "../../../src/core/ports/link.ts";
import { Mesh } from "../../../src/mesh/mesh.ts";
import { keyOf, voiceOf } from "./detector/ward.ts";

export { keyOf };

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
export const bytes = (value: string) => new TextEncoder().encode(value);

/** A replica of the smallest kind: a set of texts. */
export class Notes implements Exchange {
  readonly all = new Set<string>();
  rounds = 0;
  verdict: ExchangeOutcome["verdict"] = "same";

  add(entries: readonly Uint8Array[]): number {
    const before = this.all.size;
    for (const entry of entries) this.all.add(text(entry));
    return this.all.size - before;
  }

  begin(): ExchangeRound {
    this.rounds++;
    let received = 0;
    const outcome = () => ({ verdict: this.verdict, received, sent: 0 });
    return {
      request: this.#encode(),
      next: async (answer: Uint8Array) => {
        received += this.#take(answer);
        return null;
      },
      get outcome() {
        return outcome();
      },
    };
  }

  async answer(request: Uint8Array): Promise<Uint8Array> {
    this.#take(request);
    return this.#encode();
  }

  #encode(): Uint8Array {
    return encode([...this.all].map(bytes) as Plain);
  }

  #take(message: Uint8Array): number {
    return this.add(decode(message) as unknown as Uint8Array[]);
  }
}

export interface Machine {
  readonly name: string;
  readonly key: PeerKey;
  readonly address: string;
  readonly link: SimLink;
  readonly mesh: Mesh;
  readonly notes: Notes;
  readonly log: CollectingLog;
  /** With whom its own rounds have ended, in order. */
  readonly exchanged: readonly PeerKey[];
  /** How often its mesh has noticed that its addresses changed. */
  moves: number;
}

/** The link, but for what is given. */
export function intercept(link: Link, instead: Partial<Link>): Link {
  return {
    self: link.self,
    start: (events) => link.start(events),
    stop: () => link.stop(),
    addresses: () => link.addresses(),
    dial: (peer, addresses, timeoutMs) => link.dial(peer, addresses, timeoutMs),
    hangUp: (peer) => link.hangUp(peer),
    remoteAddress: (peer) => link.remoteAddress(peer),
    connected: () => link.connected(),
    request: (peer, channel, body, timeoutMs) => link.request(peer, channel, body, timeoutMs),
    broadcast: (body) => link.broadcast(body),
    stats: () => link.stats(),
    ...instead,
  };
}

/** Machines with meshes on them, in virtual time, and one directory that all of them agree about. */
export class Homelab {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly machines = new Map<string, Machine>();
  readonly standings = new Map<PeerKey, Standing>();
  readonly addresses = new Map<PeerKey, readonly string[]>();
  /** What one machine thinks otherwise than the directory, by its name. */
  readonly dissent = new Map<string, ReadonlyMap<PeerKey, Standing>>();
  readonly #seed: string;
  #starts = 0;

  constructor(seed: string, options: SimNetworkOptions = {}) {
    this.#seed = seed;
    this.network = new SimNetwork(this.clock, seededRandom(seed), options);
  }

  /** Makes them members of the directory, running or not. */
  enrol(...names: readonly string[]): void {
    for (const name of names) {
      this.standings.set(keyOf(name), "member");
      this.addresses.set(keyOf(name), [`${name}:4001`]);
    }
    this.tell();
  }

  refuse(name: string): void {
    this.standings.set(keyOf(name), "refused");
    this.tell();
  }

  /** The directory has changed. */
  tell(): void {
    for (const { mesh } of this.machines.values()) mesh.membershipChanged();
  }

  /** A machine that is not started yet. `wrap` may put something between its link and its mesh. */
  machine(name: string, wrap: (link: Link) => Link = (link) => link): Machine {
    const key = keyOf(name);
    const address = `${name}:4001`;
    const link = this.network.createLink(key, address);
    const clock = this.clock.clockFor(name);
    const notes = new Notes();
    const log = new CollectingLog();
    const exchanged: PeerKey[] = [];
    const mesh = new Mesh({
      link: wrap(link),
      clock,
      random: seededRandom(`${this.#seed} ${name} ${this.#starts++}`),
      log,
      exchange: notes,
      directory: {
        standing: (peer) => this.#standing(name, peer),
        members: () =>
          [...this.addresses]
            .filter(([peer]) => peer !== key && this.#standing(name, peer) === "member")
            .map(([peer, addresses]) => ({ key: peer, addresses })),
      },
      admit: async (entries) => void notes.add(entries),
      exchanged: (peer) => void exchanged.push(peer),
      noticeFor: () => null,
      interfaces: { addresses: () => interfacesAt(link.address) },
      moved: () => void machine.moves++,
      voice: voiceOf(key),
    });
    const machine: Machine = { name, key, address, link, mesh, notes, log, exchanged, moves: 0 };
    this.machines.set(name, machine);
    return machine;
  }

  async start(...names: readonly string[]): Promise<Machine[]> {
    const machines = names.map((name) => this.machine(name));
    await Promise.all(machines.map(({ mesh }) => mesh.start()));
    return machines;
  }

  /** Another lease. Nobody but the machine itself knows. */
  move(name: string, address: string): void {
    const machine = this.machines.get(name);
    if (machine !== undefined) this.network.move(machine.link, address);
  }

  /** Power off. What the machine had scheduled never runs. */
  crash(name: string): void {
    this.machines.get(name)?.link.crash();
    this.clock.clockFor(name).crash();
    this.machines.delete(name);
  }

  #standing(at: string, peer: PeerKey): Standing {
    return this.dissent.get(at)?.get(peer) ?? this.standings.get(peer) ?? "stranger";
  }

  pass(ms: number): Promise<void> {
    return this.clock.runUntil(this.clock.monotonic() + ms);
  }

  /** How long it takes until that holds, looking every 100 ms. Throws after `limitMs`. */
  async until(holds: () => boolean, limitMs: number): Promise<number> {
    const beganMs = this.clock.monotonic();
    await settled();
    while (!holds()) {
      if (this.clock.monotonic() - beganMs >= limitMs) throw new Error(`does not hold after ${limitMs} ms`);
      await this.pass(100);
    }
    return this.clock.monotonic() - beganMs;
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.clock.until(promise);
  }

  async end(): Promise<void> {
    await this.settle(Promise.all([...this.machines.values()].map(({ mesh }) => mesh.stop())));
  }

  /** Whether every running machine can be reached from each other one along connections. */
  get isConnected(): boolean {
    const all = [...this.machines.values()];
    const byKey = new Map(all.map((machine) => [machine.key, machine]));
    const reached = new Set(all.slice(0, 1));
    for (const { mesh } of reached) {
      for (const peer of mesh.connected()) {
        const next = byKey.get(peer);
        if (next !== undefined) reached.add(next);
      }
    }
    return reached.size === all.length;
  }
}

export const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i + 1}`);
