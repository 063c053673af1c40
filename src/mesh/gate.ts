import { LabError } from "../core/errors.ts";
import type { PeerKey } from "../core/ports/link.ts";
import type { ChannelHandler } from "../core/ports/mesh.ts";
import type { MeshCounters } from "./counters.ts";
import type { Directory } from "./directory.ts";

/** What a stranger hears on every channel that is not open to it, whether there is one or not. */
export const NOT_A_MEMBER = "not a member of this mesh";

/** Decides at each request who may ask what. What a stranger cannot reach looks to it like what does not exist. */
export class Gate {
  readonly #directory: Directory;
  readonly #counters: MeshCounters;
  readonly #forMembers = new Map<string, ChannelHandler>();
  readonly #forStrangers = new Map<string, ChannelHandler>();

  constructor(directory: Directory, counters: MeshCounters) {
    this.#directory = directory;
    this.#counters = counters;
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
    const handler = this.#handlerFor(peer, channel);
    if (handler !== undefined) return handler(peer, body);
    this.#counters.refusedRequests++;
    if (this.#directory.standing(peer) === "member") {
      throw new LabError("NotFound", `this node does not serve "${channel.slice(0, 60)}"`);
    }
    throw new LabError("NotAuthorised", NOT_A_MEMBER);
  }

  #handlerFor(peer: PeerKey, channel: string): ChannelHandler | undefined {
    switch (this.#directory.standing(peer)) {
      case "member":
        return this.#forMembers.get(channel) ?? this.#forStrangers.get(channel);
      case "stranger":
        return this.#forStrangers.get(channel);
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
