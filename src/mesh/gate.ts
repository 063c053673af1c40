import { LabError } from "../core/errors.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { PeerKey, Standing } from "../core/ports/link.ts";
import type { ChannelHandler } from "../core/ports/mesh.ts";
import type { MeshCounters } from "./counters.ts";
import type { Directory } from "./directory.ts";
import { TokenBucket } from "../core/token-bucket.ts";

/** What a stranger hears on every channel that is not open to it, whether there is one or not. */
export const NOT_A_MEMBER = "not a member of this mesh";

/** All strangers together. Each question that is refused still becomes a record of the audit. */
const STRANGERS_PACE = { perSecond: 10, burst: 100 };

/** Each member. Whoever catches up on a long history asks some hundred times in a row. */
const MEMBER_PACE = { perSecond: 200, burst: 2_000 };

/** Decides at each request who may ask what, and how often. What a stranger cannot reach looks to it like what does not exist. */
export class Gate {
  readonly #directory: Directory;
  readonly #clock: Clock;
  readonly #counters: MeshCounters;
  readonly #strangersPace: TokenBucket;
  readonly #paces = new Map<PeerKey, TokenBucket>();
  readonly #forMembers = new Map<string, ChannelHandler>();
  readonly #forStrangers = new Map<string, ChannelHandler>();

  constructor(directory: Directory, clock: Clock, counters: MeshCounters) {
    this.#directory = directory;
    this.#clock = clock;
    this.#counters = counters;
    this.#strangersPace = new TokenBucket(STRANGERS_PACE, clock.monotonic());
  }

  /** The peer's connection is gone. */
  closed(peer: PeerKey): void {
    this.#paces.delete(peer);
  }

  handle(channel: string, handler: ChannelHandler): void {
    this.#register(this.#forMembers, channel, handler);
  }

  /** Opens a channel to everybody who is not refused, members as well. */
  handleStrangers(channel: string, handler: ChannelHandler): void {
    this.#register(this.#forStrangers, channel, handler);
  }

  unhandle(channel: string): void {
    this.#forMembers.delete(channel);
    this.#forStrangers.delete(channel);
  }

  async serve(peer: PeerKey, channel: string, body: Uint8Array): Promise<Uint8Array> {
    const standing = this.#directory.standing(peer);
    const handler = this.#handlerFor(standing, channel);
    if (handler !== undefined && this.#isPaced(peer, standing)) return handler(peer, body);
    this.#counters.refusedRequests++;
    if (handler !== undefined) throw new LabError("Busy", "this node is asked too much at the moment");
    if (standing === "member") {
      throw new LabError("NotFound", `this node does not serve "${channel.slice(0, 60)}"`);
    }
    throw new LabError("NotAuthorised", NOT_A_MEMBER);
  }

  #isPaced(peer: PeerKey, standing: Standing): boolean {
    const nowMs = this.#clock.monotonic();
    if (standing !== "member") return this.#strangersPace.take(1, nowMs);
    const pace = this.#paces.get(peer) ?? new TokenBucket(MEMBER_PACE, nowMs);
    this.#paces.set(peer, pace);
    return pace.take(1, nowMs);
  }

  #handlerFor(standing: Standing, channel: string): ChannelHandler | undefined {
    switch (standing) {
      case "member":
        return this.#forMembers.get(channel) ?? this.#forStrangers.get(channel);
      case "stranger":
        return this.#forStrangers.get(channel);
      case "removed":
      case "refused":
        return undefined;
    }
  }

  #register(handlers: Map<string, ChannelHandler>, channel: string, handler: ChannelHandler): void {
    if (this.#forMembers.has(channel) || this.#forStrangers.has(channel)) {
      throw new Error(`channel "${channel}" is served already`);
    }
    handlers.set(channel, handler);
  }
}
