import { concat } from "../core/bytes.ts";
import type { Clock, Timer } from "../core/ports/clock.ts";
import { type Answer, decodeAnswer, LENGTH_BYTES, NUMBER_BYTES, numbered, numberOf } from "./frames.ts";

/*
 * A line is one stream that stays, for small questions from one end of a connection to the other. A stream for each of
 * them would cost two round trips and seven times the bytes: to be opened, to agree on its protocol, to be closed.
 * Questions and their answers bear a number, so that a slow answer keeps no other waiting.
 */

/** Larger ones have a stream of their own: on a line they would stand in everybody's way. */
export const MAX_LINE_QUESTION_BYTES = 16 * 1024;
export const MAX_LINE_ANSWER_BYTES = 64 * 1024;

/** Answers that the other end does not take pile up to this much; then it hears no more. */
const MAX_UNSENT_BYTES = 1024 * 1024;

/** A frame that has begun and does not go on. */
const IDLE_MS = 10_000;

/** Between two ends: bytes in order, in whatever pieces they come. */
export interface LineStream {
  /** `open` until it ends, by whichever end. */
  readonly status: string;
  /** `writable` until this end says no more. */
  readonly writeStatus: string;
  /** More than this that the other end does not take ends the stream. */
  maxWriteBufferLength?: number;
  send(data: Uint8Array): boolean;
  /** This end says no more. */
  close(): Promise<void>;
  /** Ends it at once, for both. */
  abort(reason: Error): void;
  addEventListener(type: "message", listener: (event: { readonly data: Piece }) => void): void;
  addEventListener(type: "close" | "remoteCloseWrite", listener: () => void, options: { once: true }): void;
}

interface Piece {
  readonly byteLength: number;
  subarray(): Uint8Array;
}

export interface LinesParts<Connection extends object> {
  /** Null for an end of an earlier release, which knows no lines. */
  open(connection: Connection): Promise<LineStream | null>;
  /** Milliseconds since the other end of the connection last said anything. */
  silentMs(connection: Connection): number;
  readonly clock: Pick<Clock, "after">;
}

interface Waiting {
  readonly resolve: (answer: Answer | null) => void;
  readonly reject: (reason: unknown) => void;
}

/** Lines to those who are connected, opened when something is first asked on them. */
export class Lines<Connection extends object> {
  readonly #parts: LinesParts<Connection>;
  readonly #lines = new WeakMap<Connection, Promise<Line | null>>();

  constructor(parts: LinesParts<Connection>) {
    this.#parts = parts;
  }

  /** `deadline` is a signal that aborts after `timeoutMs`. Rejects when it does, and when the line ends. */
  async ask(
    connection: Connection,
    question: Uint8Array,
    timeoutMs: number,
    deadline: AbortSignal,
  ): Promise<Answer | null | "no line"> {
    const line = await within(deadline, this.#lineOf(connection));
    if (line === null) return "no line";
    try {
      return await line.ask(question, deadline);
    } catch (error) {
      // The other end speaks, and not on this line.
      if (deadline.aborted && this.#parts.silentMs(connection) < timeoutMs) line.end("nothing comes on it");
      throw error;
    }
  }

  async #lineOf(connection: Connection): Promise<Line | null> {
    const known = this.#lines.get(connection);
    const line = known === undefined ? undefined : await known;
    if (line !== undefined && (line === null || line.isOpen)) return line;
    // Whoever waited as well may have been faster.
    const latest = this.#lines.get(connection);
    if (latest !== undefined && latest !== known) return latest;
    const opening = this.#open(connection);
    this.#lines.set(connection, opening);
    opening.catch(() => this.#lines.delete(connection));
    return opening;
  }

  async #open(connection: Connection): Promise<Line | null> {
    const stream = await this.#parts.open(connection);
    return stream && new Line(stream, this.#parts.clock);
  }
}

/** The end of a line that asks. */
class Line {
  readonly #stream: LineStream;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  constructor(stream: LineStream, clock: Pick<Clock, "after">) {
    this.#stream = stream;
    eachFrame(stream, clock, MAX_LINE_ANSWER_BYTES, (frame) => this.#answered(frame));
    const ended = (): void => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the line was closed"));
      this.#waiting.clear();
    };
    stream.addEventListener("close", ended, { once: true });
  }

  get isOpen(): boolean {
    return this.#stream.status === "open" && this.#stream.writeStatus === "writable";
  }

  /** Null for an answer that is none. `question` is a frame with a request. Rejects when the line ends, or by `signal`. */
  ask(question: Uint8Array, signal: AbortSignal): Promise<Answer | null> {
    const number = this.#count++ % 2 ** 32;
    return new Promise<Answer | null>((resolve, reject) => {
      const onAbort = (): void => this.#settle(number)?.reject(signal.reason);
      const done = (): void => signal.removeEventListener("abort", onAbort);
      this.#waiting.set(number, {
        resolve: (answer) => {
          done();
          resolve(answer);
        },
        reject: (reason) => {
          done();
          reject(reason instanceof Error ? reason : new Error(String(reason)));
        },
      });
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      else this.#stream.send(numbered(question, number));
    });
  }

  /** The next question opens another one. */
  end(why: string): void {
    this.#stream.abort(new Error(why));
  }

  #answered(frame: Uint8Array): void {
    const { number, payload } = numberOf(frame);
    // Whose asker has given up is nobody's.
    this.#settle(number)?.resolve(decodeAnswer(payload));
  }

  #settle(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    return waiting;
  }
}

/**
 * The end of a line that answers: `answer` gets the payload of each question, and gives the frame of its answer. What
 * it throws ends the line.
 */
export function answerLine(
  stream: LineStream,
  clock: Pick<Clock, "after">,
  answer: (payload: Uint8Array) => Promise<Uint8Array>,
): void {
  stream.maxWriteBufferLength = MAX_UNSENT_BYTES;
  eachFrame(stream, clock, MAX_LINE_QUESTION_BYTES, (frame) => {
    const { number, payload } = numberOf(frame);
    answer(payload)
      .then((given) => {
        if (given.length > MAX_LINE_ANSWER_BYTES) throw new Error(`an answer of ${given.length} bytes is too large`);
        stream.send(numbered(given, number));
      })
      .catch((error: unknown) => stream.abort(error instanceof Error ? error : new Error(String(error))));
  });
}

/** Calls `take` with the payload of every frame. One that is too large, too short or never whole ends the stream. */
function eachFrame(
  stream: LineStream,
  clock: Pick<Clock, "after">,
  maxBytes: number,
  take: (payload: Uint8Array) => void,
): void {
  let chunks: Uint8Array[] = [];
  let held = 0;
  let wanted = LENGTH_BYTES;
  let idle: Timer | null = null;
  const end = (why: string): void => stream.abort(new Error(why));
  const onMessage = ({ data }: { readonly data: Piece }): void => {
    chunks.push(data.subarray());
    held += data.byteLength;
    idle?.cancel();
    if (held < wanted) return wait();
    let bytes = concat(...chunks);
    while (bytes.length >= LENGTH_BYTES) {
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (length < NUMBER_BYTES || length > NUMBER_BYTES + maxBytes) return end(`a frame of ${length} bytes on a line`);
      wanted = LENGTH_BYTES + length;
      if (bytes.length < wanted) break;
      take(bytes.subarray(LENGTH_BYTES, wanted));
      bytes = bytes.subarray(wanted);
      wanted = LENGTH_BYTES;
    }
    [chunks, held] = [bytes.length > 0 ? [bytes] : [], bytes.length];
    if (held > 0) wait();
  };
  const wait = (): void => {
    idle = clock.after(IDLE_MS, () => end(`nothing was sent for ${IDLE_MS} ms`));
  };
  stream.addEventListener("message", onMessage);
  // Whoever says no more on a line needs it no more.
  stream.addEventListener("remoteCloseWrite", () => void stream.close().catch(() => undefined), { once: true });
  stream.addEventListener("close", () => idle?.cancel(), { once: true });
}

/** Rejects when the signal aborts first. */
function within<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal.addEventListener("abort", onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
