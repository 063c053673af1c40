import type { Stream } from "@libp2p/interface";
import { TokenBucket } from "../../core/token-bucket.ts";

/** A member that has connected says within one round trip what it listens to; after this long it never will. */
export const DEAF_AFTER_MS = 3_000;

/** Two pulses may get lost, or their sender may stand still for as long. */
export const MUTE_AFTER_MS = 75_000;

/**
 * What one member may say by gossip, its own and what it passes on. A bulk change of ten thousand entries is twenty
 * messages and 5 MiB; a fleet of a thousand that starts is a thousand messages.
 */
const MESSAGES = { perSecond: 200, burst: 2_000 };
const BYTES = { perSecond: 2 * 1024 * 1024, burst: 32 * 1024 * 1024 };

/** A member that gossip was started with, as its streams show it. Times are monotonic milliseconds. */
export class Partner {
  readonly #inbound = new Set<Stream>();
  readonly #outbound = new Set<Stream>();
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  #listenedMs: number;
  #heardMs: number;

  constructor(nowMs: number) {
    this.#listenedMs = nowMs;
    this.#heardMs = nowMs;
    this.#messages = new TokenBucket(MESSAGES, nowMs);
    this.#bytes = new TokenBucket(BYTES, nowMs);
  }

  takes(direction: "inbound" | "outbound", stream: Stream): void {
    const streams = direction === "inbound" ? this.#inbound : this.#outbound;
    streams.add(stream);
    stream.addEventListener("close", () => streams.delete(stream), { once: true });
  }

  /** It said something; false if that was too much. */
  said(messages: number, bytes: number, nowMs: number): boolean {
    this.#heardMs = nowMs;
    return this.#messages.take(messages, nowMs) && this.#bytes.take(bytes, nowMs);
  }

  /**
   * Resets what does not work any more; the other end then opens it anew.
   * - `listens`: gossip here knows what it listens to. If not, it is to say so again.
   * - `pulses`: it is known to speak now and then. If nothing comes, its stream is dead, or it has forgotten this node.
   */
  review(state: { readonly listens: boolean; readonly pulses: boolean }, nowMs: number): "sound" | "deaf" | "mute" {
    if (state.listens) this.#listenedMs = nowMs;
    if (!state.pulses) this.#heardMs = nowMs;
    if (nowMs - this.#listenedMs >= DEAF_AFTER_MS) {
      this.#listenedMs = nowMs;
      this.#reset(this.#inbound, "say again what you listen to");
      return "deaf";
    }
    if (nowMs - this.#heardMs >= MUTE_AFTER_MS) {
      this.#heardMs = nowMs;
      this.#reset(this.#inbound, "nothing has come for long");
      this.#reset(this.#outbound, "to say again what this node listens to");
      return "mute";
    }
    return "sound";
  }

  end(): void {
    this.#reset(this.#inbound, "gossip is for members");
  }

  #reset(streams: ReadonlySet<Stream>, why: string): void {
    for (const stream of [...streams]) stream.abort(new Error(why));
  }
}
