import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { decode, encode, type Packet, type TxtAnswer } from "dns-packet";
import { multiaddr } from "@multiformats/multiaddr";
import type { InterfaceAddress, Interfaces } from "../../core/ports/interfaces.ts";
import type { PeerKey } from "../../core/ports/link.ts";
import type { Log } from "../../core/ports/log.ts";
import { TokenBucket } from "../../core/token-bucket.ts";
import { fromMultiaddr, isGuestInterface, toMultiaddr } from "./addresses.ts";
import { keyOfText, peerIdOf } from "./peer-key.ts";

const PORT = 5353;
const GROUPS = { udp4: "224.0.0.251", udp6: "ff02::fb" } as const;
type Family = keyof typeof GROUPS;

/** How often interfaces are compared with those of before, and questions that are due are asked. */
const TICK_MS = 1_000;
/** After a start and after each change of the interfaces, in ticks; then in turn with everybody else on the network. */
const EAGER_TICKS = [0, 1, 4, 16];
const USUAL_TICKS = 60;

/** RFC 6762 §6: answers of many to one question are spread, and no answer is repeated within a second. */
const ANSWER_SPREAD_MS = [20, 120] as const;
const ANSWER_PAUSE_MS = 1_000;

/** Everybody on the network may send here. */
const PACKETS = { perSecond: 100, burst: 500 };
const MAX_ADDRESSES = 12;
const MAX_TXT_BYTES = 255;
const TTL_SECONDS = 120;

export interface DiscoveryOptions {
  readonly self: PeerKey;
  readonly meshId: string;
  readonly interfaces: Interfaces;
  readonly log: Log;
  addresses(): readonly string[];
  /** Unproven: anybody on the network can say anything. */
  found(peer: PeerKey, addresses: readonly string[]): void;
}

/**
 * Multicast DNS (RFC 6762, RFC 6763) under a name of this mesh only, over IPv4 and IPv6, on each interface: a machine
 * with several networks asks in all of them, and one without a default route asks as well. The records are those of
 * libp2p's own discovery.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #service: string;
  readonly #name: string;
  readonly #sockets = new Map<Family, Socket>();
  readonly #memberships = new Set<string>();
  readonly #packets = new TokenBucket(PACKETS, performance.now());
  #interfaces: readonly InterfaceAddress[] = [];
  #ticks = 0;
  #nextQuestion = 0;
  #ticking: NodeJS.Timeout | undefined;
  #answering: NodeJS.Timeout | undefined;
  #answeredMs = Number.NEGATIVE_INFINITY;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#service = `_lab-${options.meshId.slice(0, 16)}._udp.local`;
    this.#name = `${options.self.slice(0, 32)}.${this.#service}`;
  }

  /** Never fails: a machine on which port 5353 cannot be opened goes without. */
  async start(): Promise<void> {
    await Promise.all([this.#open("udp4"), this.#open("udp6")]);
    this.#tick();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticking);
    clearTimeout(this.#answering);
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
  }

  #open(family: Family): Promise<void> {
    const socket = createSocket({ type: family, reuseAddr: true, ipv6Only: family === "udp6" });
    return new Promise((resolve) => {
      socket.once("error", (error) => {
        this.#options.log.write("info", "discovery.unavailable", { family, detail: error.message });
        this.#sockets.delete(family);
        resolve();
      });
      socket.on("message", (packet) => this.#take(packet));
      socket.bind(PORT, () => {
        this.#sockets.set(family, socket);
        resolve();
      });
    });
  }

  #tick(): void {
    const interfaces = this.#options.interfaces.addresses();
    if (!isSame(interfaces, this.#interfaces)) {
      this.#interfaces = interfaces;
      this.#ticks = 0;
      this.#nextQuestion = 0;
      this.#joinGroups();
    }
    if (this.#ticks >= this.#nextQuestion) {
      this.#nextQuestion = EAGER_TICKS.find((tick) => tick > this.#ticks) ?? this.#ticks + usually();
      void this.#send({ type: "query", questions: [{ name: this.#service, type: "PTR" }] });
    }
    this.#ticks++;
  }

  #joinGroups(): void {
    const ways = this.#ways().map(({ key }) => key);
    // What is gone may come back, and is to be joined again then.
    for (const key of this.#memberships) if (!ways.includes(key)) this.#memberships.delete(key);
    for (const { key, socket, group, at } of this.#ways()) {
      if (this.#memberships.has(key)) continue;
      try {
        socket.addMembership(group, at);
      } catch {
        // Joined before, or an interface without multicast.
      }
      this.#memberships.add(key);
    }
  }

  /** One for each interface and family: how to speak there. */
  #ways(): { key: string; socket: Socket; group: string; at: string; to: string }[] {
    const seen = new Set<string>();
    return this.#interfaces.flatMap(({ interface: name, address, scope }) => {
      const family: Family = address.includes(":") ? "udp6" : "udp4";
      const socket = this.#sockets.get(family);
      const key = `${family} ${name}`;
      if (socket === undefined || scope === "machine" || isGuestInterface(name) || seen.has(key)) return [];
      seen.add(key);
      const group = GROUPS[family];
      const zone = family === "udp6";
      return [{ key, socket, group, at: zone ? `::%${name}` : address, to: zone ? `${group}%${name}` : group }];
    });
  }

  /** On one interface after the other: the socket has one at a time. */
  async #send(packet: Packet): Promise<void> {
    const bytes = encode(packet);
    for (const { socket, at, to } of this.#ways()) {
      await new Promise<void>((resolve) => {
        try {
          socket.setMulticastInterface(at);
          socket.send(bytes, PORT, to, () => resolve());
        } catch {
          // The interface has gone since.
          resolve();
        }
      });
    }
  }

  #take(bytes: Buffer): void {
    if (!this.#packets.take(1, performance.now())) return;
    let packet: Packet;
    try {
      packet = decode(bytes);
    } catch {
      return;
    }
    if (packet.type === "query" && packet.questions?.some(({ name }) => name === this.#service)) this.#asked();
    if (packet.type === "response") this.#answered(packet);
  }

  #asked(): void {
    // Everybody hears the answers: who was about to ask need not.
    this.#nextQuestion = Math.max(this.#nextQuestion, this.#ticks + usually());
    if (this.#answering !== undefined || performance.now() - this.#answeredMs < ANSWER_PAUSE_MS) return;
    this.#answering = setTimeout(
      () => {
        this.#answering = undefined;
        this.#answeredMs = performance.now();
        void this.#answer();
      },
      randomInt(...ANSWER_SPREAD_MS),
    );
  }

  async #answer(): Promise<void> {
    const { self } = this.#options;
    const texts = this.#options
      .addresses()
      .slice(0, MAX_ADDRESSES)
      .map((address) => `dnsaddr=${toMultiaddr(address)?.toString()}/p2p/${peerIdOf(self)?.toString()}`)
      .filter((text) => text.length <= MAX_TXT_BYTES);
    if (texts.length === 0) return;
    const record = { class: "IN", ttl: TTL_SECONDS } as const;
    await this.#send({
      type: "response",
      answers: [
        { ...record, name: this.#service, type: "PTR", data: this.#name },
        ...texts.map((data) => ({ ...record, name: this.#name, type: "TXT", data }) as const),
      ],
    });
  }

  #answered(packet: Packet): void {
    const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])];
    const named = records.find((record) => record.type === "PTR" && record.name === this.#service);
    if (named === undefined || (named.type === "PTR" && named.data === this.#name)) return;
    const addresses = new Map<PeerKey, string[]>();
    for (const record of records) {
      if (record.type !== "TXT") continue;
      for (const { peer, address } of readTexts(record)) {
        const known = addresses.get(peer) ?? [];
        if (known.length < MAX_ADDRESSES) addresses.set(peer, [...known, address]);
      }
    }
    // One machine speaks for itself.
    const [first] = addresses;
    if (first !== undefined && first[0] !== this.#options.self) this.#options.found(...first);
  }
}

function readTexts({ data }: TxtAnswer): { readonly peer: PeerKey; readonly address: string }[] {
  return [data].flat().flatMap((text) => {
    const [, value = ""] = /^dnsaddr=(\S+)$/.exec(text.toString()) ?? [];
    try {
      const address = multiaddr(value);
      const peer = keyOfText(address.getComponents().find(({ name }) => name === "p2p")?.value ?? "");
      const dialled = fromMultiaddr(address);
      return peer === null || dialled === null ? [] : [{ peer, address: dialled }];
    } catch {
      return [];
    }
  });
}

function usually(): number {
  return USUAL_TICKS + randomInt(USUAL_TICKS / 2);
}

function isSame(a: readonly InterfaceAddress[], b: readonly InterfaceAddress[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ interface: name, address }, i) => name === b[i]?.interface && address === b[i].address)
  );
}
