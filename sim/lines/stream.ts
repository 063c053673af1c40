import type { LineStream } from "../../src/mesh/line.ts";
import type { Clock } from "../../src/core/ports/clock.ts";
import type { Random } from "../../src/core/ports/random.ts";

/** Between two pieces that one end sends. */
const PIECE_MS = 30;
/** What a muxer hands over at once. */
const MOST_PIECE_BYTES = 32 * 1024;

interface Listeners {
  readonly message: ((event: { readonly data: Uint8Array }) => void)[];
  readonly close: (() => void)[];
  readonly remoteCloseWrite: (() => void)[];
}

/** Called with each piece that an end was given. */
export type Watcher = (end: StreamEnd, piece: Uint8Array) => void;

/**
 * One end of a stream in virtual time. What is sent arrives in order and in pieces of any length; what the other end does
 * not take waits here, as it would behind a muxer's window.
 */
export class StreamEnd implements LineStream {
  readonly name: string;
  status: "open" | "aborted" | "closed" = "open";
  writeStatus: "writable" | "closed" = "writable";
  maxWriteBufferLength?: number;
  /** Whether this end takes what comes. */
  #reading: "reads" | "stalls" = "reads";
  /** Sent, and not handed over. */
  #unsent = Buffer.alloc(0);
  #isDue = false;
  #other: StreamEnd | null = null;
  readonly #clock: Pick<Clock, "after">;
  readonly #random: Random;
  readonly #watcher: Watcher;
  readonly #listeners: Listeners = { message: [], close: [], remoteCloseWrite: [] };

  private constructor(name: string, clock: Pick<Clock, "after">, random: Random, watcher: Watcher) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.#watcher = watcher;
  }

  static pair(
    names: readonly [string, string],
    clock: Pick<Clock, "after">,
    random: Random,
    watcher: Watcher,
  ): readonly [StreamEnd, StreamEnd] {
    const [a, b] = [new StreamEnd(names[0], clock, random, watcher), new StreamEnd(names[1], clock, random, watcher)];
    a.#other = b;
    b.#other = a;
    return [a, b];
  }

  get unsentBytes(): number {
    return this.#unsent.length;
  }

  addEventListener(type: "message", listener: (event: { readonly data: Uint8Array }) => void): void;
  addEventListener(type: "close" | "remoteCloseWrite", listener: () => void, options: { once: true }): void;
  addEventListener<T extends keyof Listeners>(type: T, listener: Listeners[T][number]): void {
    (this.#listeners[type] as (typeof listener)[]).push(listener);
  }

  send(data: Uint8Array): boolean {
    if (this.status !== "open" || this.writeStatus !== "writable") throw new Error("nothing can be sent any more");
    this.#unsent = Buffer.concat([this.#unsent, data]);
    if (this.#unsent.length > (this.maxWriteBufferLength ?? Number.POSITIVE_INFINITY)) {
      this.abort(new Error("nobody takes what is sent"));
    } else this.#deliver();
    return true;
  }

  async close(): Promise<void> {
    if (this.writeStatus === "closed") return;
    this.writeStatus = "closed";
    const other = this.#other as StreamEnd;
    for (const listener of other.#listeners.remoteCloseWrite.splice(0)) listener();
    if (other.writeStatus === "closed") for (const end of [this, other]) end.#over("closed");
  }

  abort(_reason: Error): void {
    if (this.status !== "open") return;
    for (const end of [this, this.#other as StreamEnd]) end.#over("aborted");
  }

  /** From now on this end takes nothing, or all that waits. */
  read(how: "reads" | "stalls"): void {
    this.#reading = how;
    if (how === "reads") (this.#other as StreamEnd).#deliver();
  }

  #over(status: "aborted" | "closed"): void {
    this.status = status;
    this.writeStatus = "closed";
    this.#unsent = Buffer.alloc(0);
    for (const listener of this.#listeners.close.splice(0)) listener();
  }

  #deliver(): void {
    const other = this.#other as StreamEnd;
    if (this.#isDue || this.#unsent.length === 0 || other.#reading === "stalls") return;
    this.#isDue = true;
    this.#clock.after(this.#random.below(PIECE_MS), () => {
      this.#isDue = false;
      if (this.status !== "open" || other.#reading === "stalls") return;
      const length = Math.min(this.#unsent.length, this.#pieceBytes());
      const piece = new Uint8Array(this.#unsent.subarray(0, length));
      this.#unsent = this.#unsent.subarray(length);
      for (const listener of other.#listeners.message) listener({ data: piece });
      this.#watcher(other, piece);
      this.#deliver();
    });
  }

  /** Every third one ends somewhere within a frame's head. */
  #pieceBytes(): number {
    return 1 + this.#random.below(this.#random.below(3) === 0 ? 12 : MOST_PIECE_BYTES);
  }
}
