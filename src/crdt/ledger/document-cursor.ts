import { ascii, concat } from "../../core/bytes.ts";
import type { Hlc } from "../../core/hlc.ts";
import type { Keys } from "../../core/ports/keys.ts";
import {
  type DocumentState,
  decodeUpdate,
  encodeUpdate,
  type LedgerWrite,
  placeUpdate,
  type ReadUpdate,
  readUpdate,
} from "./update-codec.ts";

const CLIENT = ascii("lab/1/client\0");

/** The Yjs client id of a log: nobody chooses it, so nobody can grind one that wins or collides. */
export function ledgerClient(keys: Pick<Keys, "hash">, log: Uint8Array): number {
  const digest = keys.hash(concat(CLIENT, log));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

/**
 * All items of one line of history, as it goes on: enough to know the document at any place of the line, so that a
 * fork costs what comes after it and not what lies before.
 */
class Line {
  /** By path: the clocks of the items that ever held its value, ascending. */
  readonly clocks = new Map<string, number[]>();
  /** By clock. */
  readonly paths = new Map<number, string>();
  next = 0;
}

/** A position in one writer's document: what the next update must continue. */
export class DocumentCursor implements DocumentState {
  readonly client: number;
  readonly #keys: Pick<Keys, "hash">;
  readonly #log: Uint8Array;
  #line = new Line();
  /** Where this position has left the line. */
  #left = 0;
  /** - `end`: goes on with the line itself · `own`: what comes next is this position's alone */
  #way: "end" | "own" = "end";
  /** Items since then. */
  #tips = new Map<string, number>();
  #paths = new Map<number, string>();
  #next = 0;

  constructor(keys: Pick<Keys, "hash">, log: Uint8Array) {
    this.#keys = keys;
    this.#log = log;
    this.client = ledgerClient(keys, log);
  }

  /** The beginning of the same document. */
  fresh(): DocumentCursor {
    return new DocumentCursor(this.#keys, this.#log);
  }

  /** The position that `next` and {@link places} describe. */
  static at(
    keys: Pick<Keys, "hash">,
    log: Uint8Array,
    next: number,
    places: Iterable<readonly [path: string, clock: number]>,
  ): DocumentCursor {
    const cursor = new DocumentCursor(keys, log);
    for (const [path, clock] of places) cursor.#hold(path, clock);
    cursor.#line.next = next;
    cursor.#next = next;
    return cursor;
  }

  /** Clock of the next item. */
  get next(): number {
    return this.#next;
  }

  /** The clock of the item that holds the path's current value. */
  clockOf(path: string): number | undefined {
    return this.#tips.get(path) ?? lastBelow(this.#line.clocks.get(path), this.#limit());
  }

  /** The path whose current value the item with this clock holds. */
  pathOf(clock: number): string | undefined {
    const path = this.#paths.get(clock) ?? (clock < this.#limit() ? this.#line.paths.get(clock) : undefined);
    return path !== undefined && this.clockOf(path) === clock ? path : undefined;
  }

  /** Every path with the clock of the item that holds its current value. */
  places(): [path: string, clock: number][] {
    const places = new Map<string, number>();
    for (const [path, clocks] of this.#line.clocks) {
      const clock = lastBelow(clocks, this.#limit());
      if (clock !== undefined) places.set(path, clock);
    }
    for (const [path, clock] of this.#tips) places.set(path, clock);
    return [...places];
  }

  /** Another one at this position. Neither moves the other. */
  copy(): DocumentCursor {
    const copy = this.#onLine(this.#limit());
    copy.#tips = new Map(this.#tips);
    copy.#paths = new Map(this.#paths);
    copy.#next = this.#next;
    return copy;
  }

  /** The position on this one's line before the item with clock `next`. Only for one that goes on with the line. */
  back(next: number): DocumentCursor {
    return this.#onLine(next);
  }

  #onLine(next: number): DocumentCursor {
    const cursor = new DocumentCursor(this.#keys, this.#log);
    cursor.#line = this.#line;
    cursor.#way = "own";
    cursor.#left = next;
    cursor.#next = next;
    return cursor;
  }

  #limit(): number {
    return this.#way === "end" ? this.#line.next : this.#left;
  }

  /** Reads the next update and moves past it. On a malformed one it throws and stays. */
  advance(payload: Uint8Array, hlc: Hlc): readonly LedgerWrite[] {
    return this.moveBy(readUpdate(payload, hlc));
  }

  /** {@link advance}, by an update that was read before. */
  moveBy(update: ReadUpdate): readonly LedgerWrite[] {
    const { writes, firstClock } = placeUpdate(update, this);
    for (const [i, { path }] of writes.entries()) this.#hold(path, firstClock + i);
    this.#next = firstClock + writes.length;
    if (this.#way === "end") this.#line.next = this.#next;
    return writes;
  }

  /** Takes back the last update of the line. Only for one that goes on with the line. */
  retreat(writes: readonly LedgerWrite[]): void {
    for (const { path } of writes.toReversed()) {
      const clocks = this.#line.clocks.get(path) ?? [];
      clocks.pop();
      if (clocks.length === 0) this.#line.clocks.delete(path);
      this.#line.paths.delete(--this.#line.next);
    }
    this.#next = this.#line.next;
  }

  #hold(path: string, clock: number): void {
    if (this.#way === "own") {
      this.#tips.set(path, clock);
      this.#paths.set(clock, path);
      return;
    }
    const clocks = this.#line.clocks.get(path);
    if (clocks === undefined) this.#line.clocks.set(path, [clock]);
    else clocks.push(clock);
    this.#line.paths.set(clock, path);
  }

  /**
   * The update that makes these writes, checked as every reader will check it: throws {@link MalformedError} for what
   * they would refuse. Does not move.
   */
  encode(writes: readonly LedgerWrite[], hlc: Hlc): Uint8Array {
    const update = encodeUpdate(this, writes, hlc);
    decodeUpdate(update, this, hlc);
    return update;
  }
}

/** The last of ascending clocks that is below the limit. */
function lastBelow(clocks: readonly number[] | undefined, limit: number): number | undefined {
  if (clocks === undefined) return undefined;
  const last = clocks.at(-1) as number;
  if (last < limit) return last;
  let [low, high] = [0, clocks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((clocks[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return clocks[low - 1];
}
