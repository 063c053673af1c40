import { hash } from "node:crypto";
import { LabError } from "../src/core/errors.ts";
import type { Clock } from "../src/core/ports/clock.ts";
import type { Link, LinkEvents, LinkStats, PeerKey, Standing } from "../src/core/ports/link.ts";
import {
  MAX_BROADCAST_BYTES,
  MAX_FRAME_BYTES,
  PeerFailedError,
  PeerTimeoutError,
  PeerUnreachableError,
} from "../src/core/ports/link.ts";

import { Broadcast } from "./broadcast.ts";

/** What a link needs of the network it hangs on. */
export interface Wire {
  readonly clock: Clock;
  readonly counters: NetworkCounters;
  /** How long a machine keeps a connection over which nothing comes back. */
  readonly detectMs: number;
  readonly broadcasts: Broadcasts;
  /** The newest link at that address, whatever became of it. */
  at(address: string): SimLink | undefined;
  isCut(from: PeerKey, to: PeerKey): boolean;
  /** Whether `from` has no way to begin to talk with `host`, which is behind a router. */
  isOut(host: PeerKey, from: PeerKey): boolean;
  /** Where others see a link. */
  seenAt(link: SimLink): string;
  /** At once, or when the machine of this key goes on. */
  whenAwake(key: PeerKey, run: () => void): void;
  isLost(): boolean;
  isDuplicated(): boolean;
  /** So many messages of this kind leave a machine, and so many bytes in all, whether they arrive or not. */
  leave(from: PeerKey, kind: string, messages: number, bytes: number): void;
  /** So many bytes are said to everybody for the first time. */
  say(from: PeerKey, bytes: number): void;
  /** How long the next message is on its way. */
  drawDelayMs(from: PeerKey, to: PeerKey): number;
  /**
   * Runs one of the two after the time that the way takes, drawn unless given: `arrive`, or `vanish` if the two are
   * cut by then.
   */
  carry(from: PeerKey, to: PeerKey, arrive: () => void, vanish?: () => void, delayMs?: number): void;
}

export interface NetworkCounters {
  dials: number;
  dialsFailed: number;
  connectionsOpened: number;
  connectionsClosed: number;
  requests: number;
  requestsLost: number;
  broadcasts: number;
  /** To each neighbour, those among them that have it already. */
  broadcastsSent: number;
  broadcastsDelivered: number;
  broadcastsLost: number;
  broadcastsDuplicated: number;
}

/** A connection itself; both ends hold the same object. An end that outlives it is half open. */
interface Connection {
  /** One end has moved to another address: nothing arrives any more, and nobody is told. */
  isSevered: boolean;
}

interface End {
  readonly connection: Connection;
  readonly peer: SimLink;
  /** Fails what was asked over this connection and is not answered yet. */
  readonly asked: Set<(detail: string) => void>;
}

/** The way of one copy of a broadcast. */
interface Way {
  readonly from: PeerKey;
  readonly connection: Connection;
}

/** What is being broadcast in a network, by hash of the body. */
export class Broadcasts {
  readonly #byId = new Map<string, Broadcast<Way>>();
  #forgetAtMs = 0;

  of(body: Uint8Array, nowMs: number): Broadcast<Way> {
    if (nowMs >= this.#forgetAtMs) {
      for (const [id, broadcast] of this.#byId) if (broadcast.isOver(nowMs)) this.#byId.delete(id);
      this.#forgetAtMs = nowMs + SEEN_MS;
    }
    const id = hash("sha256", body, "base64");
    let broadcast = this.#byId.get(id);
    if (broadcast === undefined) {
      broadcast = new Broadcast(body);
      this.#byId.set(id, broadcast);
    }
    return broadcast;
  }
}

/** Nobody answers an address for this long: then the next one is tried. */
const ADDRESS_TIMEOUT_MS = 4_000;

/** What broadcasts are counted as, beside the channels of requests. */
export const GOSSIP = "gossip";

/** For this long a body that was seen is not passed on again. */
const SEEN_MS = 120_000;

/** {@link Link} in virtual time. What happens to one, happens in a call of the clock. */
export class SimLink implements Link {
  readonly self: PeerKey;
  #address: string;
  readonly #wire: Wire;
  readonly #ends = new Map<PeerKey, End>();
  /** Counts the links of a network. */
  readonly #number: number;
  #sentBytes = 0;
  #receivedBytes = 0;
  #droppedBroadcasts = 0;
  #state: "new" | "running" | "stopped" | "crashed" = "new";
  #events: LinkEvents | null = null;

  constructor(wire: Wire, number: number, self: PeerKey, address: string) {
    this.#wire = wire;
    this.#number = number;
    this.self = self;
    this.#address = address;
  }

  get address(): string {
    return this.#address;
  }

  /** Called by the network, which knows who is where. */
  moveTo(address: string): void {
    this.#address = address;
    for (const { peer, connection } of this.#ends.values()) {
      connection.isSevered = true;
      this.#wire.clock.after(this.#wire.detectMs, () => {
        this.#lose(peer.self, connection);
        peer.#lose(this.self, connection);
      });
    }
  }

  /** Holds its key and its address, or will. */
  get isAlive(): boolean {
    return this.#state === "new" || this.#state === "running";
  }

  /** Without power: it does not even refuse. */
  get isDark(): boolean {
    return this.#state === "crashed";
  }

  async start(events: LinkEvents): Promise<void> {
    if (this.#state !== "new") throw new Error("a link starts once");
    this.#events = events;
    this.#state = "running";
  }

  async stop(): Promise<void> {
    if (!this.isAlive) return;
    this.#state = "stopped";
    for (const end of this.#ends.values()) {
      this.#tellClosed(end);
      this.#fail(end, "the link is stopped");
    }
    this.#ends.clear();
  }

  /** Power off: nobody is told, and nothing that was asked here is ever answered. */
  crash(): void {
    if (!this.isAlive) return;
    this.#state = "crashed";
    for (const { peer, connection, asked } of this.#ends.values()) {
      asked.clear();
      this.#wire.clock.after(this.#wire.detectMs, () => peer.#lose(this.self, connection));
    }
    this.#ends.clear();
  }

  addresses(): readonly string[] {
    return this.#state === "running" ? [this.address] : [];
  }

  connected(): readonly PeerKey[] {
    return [...this.#ends.keys()];
  }

  remoteAddress(peer: PeerKey): string | null {
    const end = this.#ends.get(peer);
    return end === undefined ? null : this.#wire.seenAt(end.peer);
  }

  async dial(peer: PeerKey, addresses: readonly string[], timeoutMs: number): Promise<void> {
    if (this.#ends.has(peer)) return;
    const { clock, counters } = this.#wire;
    counters.dials++;
    const deadlineMs = clock.monotonic() + timeoutMs;
    let failure = "no usable address is known";
    for (const address of addresses) {
      const leftMs = deadlineMs - clock.monotonic();
      if (leftMs <= 0) break;
      const outcome = await this.#tryAddress(peer, address, Math.min(leftMs, ADDRESS_TIMEOUT_MS));
      if (outcome === "connected") return;
      failure = outcome;
    }
    counters.dialsFailed++;
    throw new PeerUnreachableError(peer, failure);
  }

  async hangUp(peer: PeerKey): Promise<void> {
    const end = this.#ends.get(peer);
    if (end === undefined) return;
    this.#tellClosed(end);
    this.#lose(peer, end.connection);
  }

  async request(peer: PeerKey, channel: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    refuseTooLarge(body);
    const end = this.#ends.get(peer);
    if (end === undefined) throw new PeerUnreachableError(peer, "not connected");
    if (this.#standing(peer) === "refused") throw new PeerUnreachableError(peer, "refused");
    const wire = this.#wire;
    wire.counters.requests++;

    return new Promise((resolve, reject) => {
      const settle = () => {
        timer.cancel();
        end.asked.delete(fail);
      };
      const fail = (detail: string) => {
        settle();
        reject(new PeerUnreachableError(peer, detail));
      };
      const timeOut = () => {
        if (!end.asked.has(fail)) return;
        settle();
        reject(new PeerTimeoutError(peer, timeoutMs));
      };
      const timer = wire.clock.after(timeoutMs, () => wire.whenAwake(this.self, timeOut));
      end.asked.add(fail);

      this.#leave(channel, body.length);
      const answer = (give: () => void) => {
        this.#send(end, "back", () => {
          if (!end.asked.has(fail)) return;
          settle();
          give();
        });
      };
      this.#send(end, "forth", () =>
        end.peer.#serve(this.self, end.connection, channel, body).then(
          (given) => {
            if (given === null) return;
            answer(() => {
              this.#receivedBytes += given.length;
              resolve(given);
            });
          },
          (error: unknown) => answer(() => reject(new PeerFailedError(peer, messageOf(error)))),
        ),
      );
    });
  }

  broadcast(body: Uint8Array): void {
    if (this.#state !== "running" || body.length > MAX_BROADCAST_BYTES) return;
    this.#wire.counters.broadcasts++;
    const broadcast = this.#wire.broadcasts.of(body, this.#wire.clock.monotonic());
    if (!this.#isNew(broadcast)) return;
    this.#wire.say(this.self, body.length);
    this.#spread(broadcast, this.self);
  }

  /** What was said, without what a transport would add. */
  stats(): LinkStats {
    return {
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      refusedConnections: 0,
      droppedBroadcasts: this.#droppedBroadcasts,
      halfOpen: 0,
      connections: this.#ends.size,
      streams: [...this.#ends.values()].reduce((sum, { asked }) => sum + asked.size, 0),
      gossip: { peers: this.#ends.size, outbound: this.#ends.size, seen: 0, kept: 0 },
    };
  }

  /** Connections whose other end has stopped to answer are noticed to be dead. */
  loseCutOff(): void {
    for (const [peer, { connection }] of [...this.#ends]) {
      const isCut = this.#wire.isCut(this.self, peer) || this.#wire.isCut(peer, this.self);
      if (isCut) this.#lose(peer, connection);
    }
  }

  #tryAddress(peer: PeerKey, address: string, timeoutMs: number): Promise<string> {
    const wire = this.#wire;
    return new Promise((resolve) => {
      const giveUp = () => answer(`${address} does not answer`);
      const timer = wire.clock.after(timeoutMs, () => wire.whenAwake(this.self, giveUp));
      const answer = (outcome: string) => {
        timer.cancel();
        if (this.#state !== "crashed") resolve(outcome);
      };
      const target = wire.at(address);
      const there = target?.self ?? address;
      wire.carry(this.self, there, () => {
        if (target?.isDark || wire.isOut(there, this.self)) return;
        wire.carry(there, this.self, () => answer(this.#shakeHands(peer, target)));
      });
    });
  }

  #shakeHands(peer: PeerKey, target: SimLink | undefined): string {
    if (this.#ends.has(peer)) return "connected";
    if (this.#state !== "running") return "the link is stopped";
    if (target === undefined || target.#state !== "running") return "nothing listens there";
    if (target.self !== peer || peer === this.self) return "another key answers there";
    if (this.#standing(peer) === "refused") return "refused";

    const connection: Connection = { isSevered: false };
    if (target.#standing(this.self) === "refused") {
      this.#attach(target, connection);
      this.#wire.carry(peer, this.self, () => this.#lose(peer, connection));
    } else {
      // Both ends stand before either is told: whatever it does at once finds the other.
      const isNewThere = target.#attach(this, connection);
      this.#attach(target, connection);
      if (isNewThere) target.#events?.opened(this.self);
    }
    this.#events?.opened(peer);
    return "connected";
  }

  /** False if the new connection takes the place of one that the peer has lost. */
  #attach(peer: SimLink, connection: Connection): boolean {
    const before = this.#ends.get(peer.self);
    this.#ends.set(peer.self, { connection, peer, asked: new Set() });
    if (before !== undefined) {
      this.#fail(before, "the peer has connected anew");
      return false;
    }
    this.#wire.counters.connectionsOpened++;
    return true;
  }

  #standing(peer: PeerKey): Standing {
    return this.#events?.standing(peer) ?? "refused";
  }

  /** The connection is gone for this end, if it still was its. */
  #lose(peer: PeerKey, connection: Connection): void {
    this.#wire.whenAwake(this.self, () => this.#noticeLoss(peer, connection));
  }

  #noticeLoss(peer: PeerKey, connection: Connection): void {
    const end = this.#ends.get(peer);
    if (this.#state !== "running" || end?.connection !== connection) return;
    this.#ends.delete(peer);
    this.#wire.counters.connectionsClosed++;
    this.#fail(end, "the connection was cut");
    this.#events?.closed(peer);
  }

  #fail(end: End, detail: string): void {
    for (const fail of [...end.asked]) fail(detail);
  }

  #tellClosed({ peer, connection }: End): void {
    if (connection.isSevered) return;
    const lose = () => peer.#lose(this.self, connection);
    this.#wire.carry(this.self, peer.self, lose, () => this.#wire.clock.after(this.#wire.detectMs, lose));
  }

  /** One message of a request, over a connection that may lose it. */
  #send(end: End, way: "forth" | "back", arrive: () => unknown): void {
    if (end.connection.isSevered) return;
    if (this.#wire.isLost()) this.#wire.counters.requestsLost++;
    else if (way === "forth") this.#wire.carry(this.self, end.peer.self, arrive);
    else this.#wire.carry(end.peer.self, this.self, arrive);
  }

  /** Null if nobody is there to answer. */
  async #serve(from: PeerKey, connection: Connection, channel: string, body: Uint8Array): Promise<Uint8Array | null> {
    if (this.#state !== "running" || this.#events === null) return null;
    if (this.#ends.get(from)?.connection !== connection) return null;
    this.#receivedBytes += body.length;
    if (this.#events.standing(from) === "refused") {
      await this.hangUp(from);
      return null;
    }
    if (this.#events.standing(from) === "removed") throw new Error("removed");
    const answer = await this.#events.request(from, channel, body);
    refuseTooLarge(answer);
    this.#leave(channel, answer.length);
    return answer;
  }

  #leave(kind: string, bytes: number, messages = 1): void {
    this.#sentBytes += bytes;
    this.#wire.leave(this.self, kind, messages, bytes);
  }

  #isNew(broadcast: Broadcast<Way>): boolean {
    const nowMs = this.#wire.clock.monotonic();
    if (broadcast.hasSeen(this.#number, nowMs)) return false;
    broadcast.see(this.#number, nowMs + SEEN_MS);
    return true;
  }

  #spread(broadcast: Broadcast<Way>, from: PeerKey): void {
    const { counters, clock } = this.#wire;
    const nowMs = clock.monotonic();
    let copies = 0;
    for (const { peer, connection } of this.#ends.values()) {
      if (peer.self === from || connection.isSevered || this.#standing(peer.self) !== "member") continue;
      copies++;
      if (broadcast.hasSeen(peer.#number, nowMs)) continue;
      if (this.#wire.isLost()) {
        counters.broadcastsLost++;
        continue;
      }
      const copy = { atMs: nowMs + this.#wire.drawDelayMs(this.self, peer.self), way: { from: this.self, connection } };
      if (broadcast.add(peer.#number, copy)) peer.#await(broadcast);
    }
    if (copies === 0) return;
    counters.broadcastsSent += copies;
    this.#leave(GOSSIP, copies * broadcast.body.length, copies);
  }

  #await(broadcast: Broadcast<Way>): void {
    const first = broadcast.first(this.#number);
    if (first === undefined) return;
    const { clock } = this.#wire;
    const timer = clock.after(first.atMs - clock.monotonic(), () => {
      broadcast.dropFirst(this.#number);
      this.#wire.whenAwake(this.self, () => {
        if (!this.#hear(broadcast, first.way)) this.#await(broadcast);
      });
    });
    broadcast.await(this.#number, timer);
  }

  /** False if this copy did not get here: then the next one counts. */
  #hear(broadcast: Broadcast<Way>, { from, connection }: Way): boolean {
    if (this.#wire.isCut(from, this.self)) return false;
    if (this.#state !== "running" || this.#ends.get(from)?.connection !== connection) return false;
    if (this.#standing(from) !== "member" || !this.#isNew(broadcast)) return false;
    const { counters } = this.#wire;
    const { body } = broadcast;
    this.#receivedBytes += body.length;
    counters.broadcastsDelivered++;
    if (this.#events?.broadcast(body, from) === "malformed") {
      this.#droppedBroadcasts++;
      return true;
    }
    if (this.#wire.isDuplicated()) {
      counters.broadcastsDuplicated++;
      this.#wire.carry(from, this.self, () => {
        if (this.#state === "running") this.#events?.broadcast(body, from);
      });
    }
    this.#spread(broadcast, from);
    return true;
  }
}

function refuseTooLarge(body: Uint8Array): void {
  if (body.length <= MAX_FRAME_BYTES) return;
  throw new LabError("TooLarge", `a message of ${body.length} bytes is over the limit of ${MAX_FRAME_BYTES}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
