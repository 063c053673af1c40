import { MAX_LINE_ANSWER_BYTES, MAX_LINE_QUESTION_BYTES } from "../../src/mesh/line.ts";
import type { World } from "../world.ts";
import type { StreamEnd } from "./stream.ts";

/** A length, and a number in each frame: docs/decisions/0017. */
const HEAD_BYTES = 4;
const NUMBER_BYTES = 4;
/** A frame that has begun and does not go on ends the line. */
const HALF_MS = 10_000;

interface Unread {
  /** The beginning of a frame. */
  bytes: Buffer;
  sinceMs: number;
}

/** Reads along what shipped ends are given, by itself: none of them holds more than one frame, nor that for long. */
export class ReadAlong {
  readonly #world: World;
  /** Ends behind which the shipped code is, and the largest frame that it takes. */
  readonly #ends = new Map<StreamEnd, { readonly most: number; readonly unread: Unread }>();

  constructor(world: World) {
    this.#world = world;
  }

  add(end: StreamEnd, side: "asks" | "answers"): void {
    const most = NUMBER_BYTES + (side === "asks" ? MAX_LINE_ANSWER_BYTES : MAX_LINE_QUESTION_BYTES);
    this.#ends.set(end, { most, unread: { bytes: Buffer.alloc(0), sinceMs: 0 } });
  }

  /** After it was handed over. */
  took(end: StreamEnd, piece: Uint8Array): void {
    const known = this.#ends.get(end);
    if (known === undefined) return;
    const { most, unread } = known;
    unread.sinceMs = this.#world.clock.monotonic();
    unread.bytes = Buffer.concat([unread.bytes, piece]);
    while (unread.bytes.length >= HEAD_BYTES) {
      const length = unread.bytes.readUInt32BE();
      if (length < NUMBER_BYTES || length > most) {
        if (end.status === "open")
          this.#violated(`${end.name} goes on with a line on which a frame has ${length} bytes`);
        this.#ends.delete(end);
        return;
      }
      if (unread.bytes.length < HEAD_BYTES + length) break;
      unread.bytes = unread.bytes.subarray(HEAD_BYTES + length);
    }
  }

  /** Every now and then. */
  look(): void {
    const nowMs = this.#world.clock.monotonic();
    for (const [end, { unread }] of this.#ends) {
      if (end.status !== "open") this.#ends.delete(end);
      else if (unread.bytes.length > 0 && nowMs - unread.sinceMs > HALF_MS) {
        this.#violated(`${end.name} holds half a frame that nobody goes on with`);
      }
    }
  }

  #violated(detail: string): void {
    this.#world.violated("lines", detail);
  }
}
