import { MalformedError } from "../../core/encoding.ts";
import type { Hlc } from "../../core/hlc.ts";
import type { Json } from "../../core/json.ts";
import { utf8Decode, utf8Encode } from "../../core/utf8.ts";

/**
 * Payloads of desired-state entries are Yjs updates, format V1, of a document with a single writer and one root map.
 * This file reads and writes exactly the updates that such a writer makes, and refuses everything else *before* Yjs
 * could see it: V1 updates of other shapes make Yjs preallocate, walk quadratically or apply half
 * (`docs/protocol/ledgers.md` lists the rules). The bytes are equal to those of Yjs; tests hold both against each other.
 */

/** Name of the document's only root type. */
export const ROOT_NAME = "lab";
const MAX_WRITES = 4096;
const MAX_PATH_LENGTH = 256;
const MAX_DEPTH = 8;
/** Writes that one write can supersede. */
export const MAX_OVER = 64;
const MAX_TEXT_BYTES = 16 * 1024;

const PATH = /^[a-z0-9*][a-z0-9._:*~-]*(\/[a-z0-9*][a-z0-9._:*~-]*)*$/;

export function isLedgerPath(path: string): boolean {
  return path.length <= MAX_PATH_LENGTH && PATH.test(path);
}

/** One write: a value, or with `value` undefined a tombstone (a Yjs delete would carry no clock). */
export interface LedgerWrite {
  readonly path: string;
  readonly value: Json | undefined;
  /**
   * Hex of the entries, of other logs, whose writes at this path it supersedes. Hashes, so that nobody can supersede
   * what is not written yet.
   */
  readonly over: readonly string[];
}

/** What a reader must remember of one writer's document to check its next update. */
export interface DocumentState {
  readonly client: number;
  readonly next: number;
  /** Clock of the item that holds a path's current value. */
  clockOf(path: string): number | undefined;
  /** The inverse: an update names what it overwrites by clock alone. */
  pathOf(clock: number): string | undefined;
}

const STRUCT_FIRST = 0x28; // ContentAny with a parent and a key: the first item of a path
const STRUCT_NEXT = 0xa8; // ContentAny with an origin and a key: replaces the origin

const TYPE_NULL = 126;
const TYPE_INTEGER = 125;
const TYPE_FLOAT32 = 124;
const TYPE_FLOAT64 = 123;
const TYPE_FALSE = 121;
const TYPE_TRUE = 120;
const TYPE_TEXT = 119;
const TYPE_OBJECT = 118;
const TYPE_ARRAY = 117;
const INTEGER_LIMIT = 0x7fffffff;

class Output {
  #bytes = new Uint8Array(256);
  #at = 0;

  byte(value: number): void {
    if (this.#at === this.#bytes.length) this.#grow(this.#at + 1);
    this.#bytes[this.#at++] = value;
  }

  #grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  varUint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.byte(128 | (rest & 127));
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  text(value: string): void {
    const bytes = utf8Encode(value);
    this.varUint(bytes.length);
    for (const byte of bytes) this.byte(byte);
  }

  /** `writeAny` of lib0 for plain JSON. */
  any(value: Json): void {
    if (value === null) return this.byte(TYPE_NULL);
    switch (typeof value) {
      case "boolean":
        return this.byte(value ? TYPE_TRUE : TYPE_FALSE);
      case "string":
        this.byte(TYPE_TEXT);
        return this.text(value);
      case "number":
        return this.#number(value);
      default:
        break;
    }
    if (Array.isArray(value)) {
      this.byte(TYPE_ARRAY);
      this.varUint(value.length);
      for (const item of value) this.any(item);
      return;
    }
    if (typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) {
      throw new MalformedError("a value is not plain JSON");
    }
    const members = Object.entries(value as { readonly [key: string]: Json });
    this.byte(TYPE_OBJECT);
    this.varUint(members.length);
    for (const [key, member] of members) {
      this.text(key);
      this.any(member);
    }
  }

  #number(value: number): void {
    if (Number.isInteger(value) && Math.abs(value) <= INTEGER_LIMIT) {
      this.byte(TYPE_INTEGER);
      const sign = value < 0 ? 64 : 0;
      let rest = Math.abs(value);
      this.byte((rest > 63 ? 128 : 0) | sign | (rest & 63));
      rest = Math.floor(rest / 64);
      while (rest > 0) {
        this.byte((rest > 127 ? 128 : 0) | (rest & 127));
        rest = Math.floor(rest / 128);
      }
      return;
    }
    const narrow = Math.fround(value) === value;
    const view = new DataView(new ArrayBuffer(8));
    if (narrow) view.setFloat32(0, value);
    else view.setFloat64(0, value);
    this.byte(narrow ? TYPE_FLOAT32 : TYPE_FLOAT64);
    for (let i = 0; i < (narrow ? 4 : 8); i++) this.byte(view.getUint8(i));
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }
}

/** The update that writes `writes` into the document; `hlc` is the clock of the entry that will carry it. */
export function encodeUpdate(state: DocumentState, writes: readonly LedgerWrite[], hlc: Hlc): Uint8Array {
  const out = new Output();
  out.varUint(1);
  out.varUint(writes.length);
  out.varUint(state.client);
  out.varUint(state.next);
  const overwritten: number[] = [];
  for (const { path, value, over } of writes) {
    const tip = state.clockOf(path);
    if (tip === undefined) {
      out.byte(STRUCT_FIRST);
      out.varUint(1);
      out.text(ROOT_NAME);
      out.text(path);
    } else {
      out.byte(STRUCT_NEXT);
      out.varUint(state.client);
      out.varUint(tip);
      overwritten.push(tip);
    }
    out.varUint(1);
    out.any({
      ...(value === undefined ? {} : { v: value }),
      t: [hlc.ms, hlc.count],
      ...(over.length === 0 ? {} : { o: over }),
    });
  }
  const ranges = toRanges(overwritten);
  out.varUint(ranges.length === 0 ? 0 : 1);
  if (ranges.length > 0) {
    out.varUint(state.client);
    out.varUint(ranges.length);
    for (const [clock, length] of ranges) {
      out.varUint(clock);
      out.varUint(length);
    }
  }
  return out.take();
}

function toRanges(clocks: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const clock of [...clocks].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[0] + last[1] === clock) last[1]++;
    else ranges.push([clock, 1]);
  }
  return ranges;
}

class Input {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new MalformedError("the update is cut short");
    return value;
  }

  varUint(): number {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (value > Number.MAX_SAFE_INTEGER) throw new MalformedError("a number is out of range");
      if (byte < 128) {
        if (byte === 0 && factor > 1) throw new MalformedError("a number is not in its shortest form");
        return value;
      }
      factor *= 128;
      if (factor > 2 ** 49) throw new MalformedError("a number is out of range");
    }
  }

  text(maxBytes: number): string {
    const length = this.varUint();
    if (length > maxBytes || length > this.#bytes.length - this.#at) throw new MalformedError("a text is too long");
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return utf8Decode(bytes);
  }

  any(depth: number): Json {
    if (depth > MAX_DEPTH) throw new MalformedError("a value is nested too deeply");
    const type = this.byte();
    switch (type) {
      case TYPE_NULL:
        return null;
      case TYPE_FALSE:
        return false;
      case TYPE_TRUE:
        return true;
      case TYPE_TEXT:
        return this.text(MAX_TEXT_BYTES);
      case TYPE_INTEGER:
        return this.#integer();
      case TYPE_FLOAT32:
        return this.#float(4);
      case TYPE_FLOAT64:
        return this.#float(8);
      case TYPE_OBJECT: {
        const count = this.varUint();
        if (count > 256) throw new MalformedError("an object has too many members");
        const object: Record<string, Json> = {};
        for (let i = 0; i < count; i++) {
          const key = this.text(256);
          if (key === "__proto__" || key === "constructor" || key === "prototype" || Object.hasOwn(object, key)) {
            throw new MalformedError("an object has a member that it may not have");
          }
          object[key] = this.any(depth + 1);
        }
        return object;
      }
      case TYPE_ARRAY: {
        const count = this.varUint();
        if (count > 1024) throw new MalformedError("a list is too long");
        const list: Json[] = [];
        for (let i = 0; i < count; i++) list.push(this.any(depth + 1));
        return list;
      }
      default:
        throw new MalformedError(`values of type ${type} are not JSON`);
    }
  }

  #integer(): number {
    const first = this.byte();
    let value = first & 63;
    let factor = 64;
    let last = first;
    while (last > 127) {
      last = this.byte();
      value += (last & 127) * factor;
      factor *= 128;
      if (value > INTEGER_LIMIT) throw new MalformedError("a number is not in its shortest form");
      if (last === 0) throw new MalformedError("a number is not in its shortest form");
    }
    const negative = (first & 64) !== 0;
    if (negative && value === 0) throw new MalformedError("a number is not in its shortest form");
    return negative ? -value : value;
  }

  #float(width: 4 | 8): number {
    const view = new DataView(new ArrayBuffer(8));
    for (let i = 0; i < width; i++) view.setUint8(i, this.byte());
    const value = width === 4 ? view.getFloat32(0) : view.getFloat64(0);
    if (!Number.isFinite(value) || Object.is(value, -0)) throw new MalformedError("a number is not finite");
    const narrower = width === 8 ? Math.fround(value) === value : false;
    if (narrower || (Number.isInteger(value) && Math.abs(value) <= INTEGER_LIMIT)) {
      throw new MalformedError("a number is not in its shortest form");
    }
    return value;
  }
}

/** What an update says by itself, whatever the document is that it is for. */
export interface ReadUpdate {
  readonly client: number;
  /** Of the first item. */
  readonly clock: number;
  readonly items: readonly ReadItem[];
  /** Runs of deleted items, by the clock of the first and how many; null where the update deletes nothing. */
  readonly deleted: { readonly client: number; readonly runs: readonly (readonly [number, number])[] } | null;
}

interface ReadItem {
  /** The path of a first item, or the item that this one replaces. */
  readonly at: string | { readonly client: number; readonly clock: number };
  readonly value: Json | undefined;
  readonly over: readonly string[];
}

/** What an accepted update does: the writes in order, and the clock that each new item got. */
export interface DecodedUpdate {
  readonly writes: readonly LedgerWrite[];
  /** The clock of the first write; the others follow one by one. */
  readonly firstClock: number;
}

/** Reads an update against the state before it. Throws {@link MalformedError} on every shape that no honest writer makes. */
export function decodeUpdate(bytes: Uint8Array, state: DocumentState, hlc: Hlc): DecodedUpdate {
  return placeUpdate(readUpdate(bytes, hlc), state);
}

/** Of an entry with that clock. Throws {@link MalformedError}. */
export function readUpdate(bytes: Uint8Array, hlc: Hlc): ReadUpdate {
  const input = new Input(bytes);
  if (input.varUint() !== 1) throw new MalformedError("an update has one block");
  const count = input.varUint();
  if (count < 1 || count > MAX_WRITES) throw new MalformedError(`an update has 1 to ${MAX_WRITES} writes`);
  const client = input.varUint();
  const clock = input.varUint();
  const items = Array.from({ length: count }, (): ReadItem => {
    const at = readTarget(input);
    if (input.varUint() !== 1) throw new MalformedError("an item holds one value");
    return { at, ...readValue(input.any(0), hlc) };
  });
  const deleted = readDeleteSet(input, count);
  if (!input.done) throw new MalformedError("bytes after the update");
  return { client, clock, items, deleted };
}

function readTarget(input: Input): ReadItem["at"] {
  const info = input.byte();
  if (info === STRUCT_FIRST) {
    if (input.varUint() !== 1 || input.text(8) !== ROOT_NAME) throw new MalformedError("not an item of the root map");
    const path = input.text(MAX_PATH_LENGTH);
    if (!isLedgerPath(path)) throw new MalformedError("not a path");
    return path;
  }
  if (info !== STRUCT_NEXT) throw new MalformedError(`structs of kind ${info} are not written`);
  const client = input.varUint();
  return { client, clock: input.varUint() };
}

function readDeleteSet(input: Input, writes: number): ReadUpdate["deleted"] {
  const clients = input.varUint();
  if (clients === 0) return null;
  if (clients !== 1) throw new MalformedError("the delete set is not what was overwritten");
  const client = input.varUint();
  const count = input.varUint();
  if (count > writes) throw new MalformedError("the delete set is not what was overwritten");
  const runs = Array.from({ length: count }, (): [number, number] => {
    const clock = input.varUint();
    return [clock, input.varUint()];
  });
  return { client, runs };
}

/** What an update does to the document that it continues. Throws {@link MalformedError} if it continues another. */
export function placeUpdate({ client, clock, items, deleted }: ReadUpdate, state: DocumentState): DecodedUpdate {
  if (client !== state.client) throw new MalformedError("the update is of another client");
  if (clock !== state.next) throw new MalformedError("the update does not continue the document");
  const overwritten = new Set<number>();
  const seen = items.length === 1 ? null : new Set<string>();
  const writes = items.map(({ at, value, over }): LedgerWrite => {
    const path = typeof at === "string" ? firstAt(at, state) : replacedAt(at, state, overwritten);
    if (seen?.has(path)) throw new MalformedError(`${path} is written twice`);
    seen?.add(path);
    return { path, value, over };
  });
  requireDeleted(deleted, state, overwritten);
  return { writes, firstClock: state.next };
}

function firstAt(path: string, state: DocumentState): string {
  if (state.clockOf(path) !== undefined) throw new MalformedError(`${path} has a value that must be named`);
  return path;
}

function replacedAt(
  origin: { readonly client: number; readonly clock: number },
  state: DocumentState,
  overwritten: Set<number>,
): string {
  if (origin.client !== state.client) throw new MalformedError("an origin of another client");
  const path = state.pathOf(origin.clock);
  if (path === undefined) throw new MalformedError("the origin is not a current value");
  overwritten.add(origin.clock);
  return path;
}

function requireDeleted(deleted: ReadUpdate["deleted"], state: DocumentState, overwritten: ReadonlySet<number>): void {
  if (deleted !== null && deleted.client !== state.client) throw new MalformedError("a delete set of another client");
  const [runs, expected] = [deleted?.runs ?? [], toRanges([...overwritten])];
  const isSame =
    (deleted === null) === (overwritten.size === 0) &&
    runs.length === expected.length &&
    runs.every(([clock, length], i) => expected[i]?.[0] === clock && expected[i]?.[1] === length);
  if (!isSame) throw new MalformedError("the delete set is not what was overwritten");
}

const NOTHING: readonly string[] = [];
const NAMES: ReadonlySet<string> = new Set(["vt", "t", "vto", "to"]);

/** `{v, t, o}`: value (absent in a tombstone), clock of the entry, and the writes of other logs that it supersedes. */
function readValue(value: Json, hlc: Hlc): Pick<ReadItem, "value" | "over"> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new MalformedError("not a value");
  const fields = value as { readonly [key: string]: Json };
  if (!NAMES.has(Object.keys(fields).join(""))) throw new MalformedError("not a value");
  const time = fields.t;
  if (!Array.isArray(time) || time.length !== 2 || time[0] !== hlc.ms || time[1] !== hlc.count) {
    throw new MalformedError("the value's clock is not the entry's");
  }
  return { value: fields.v, over: fields.o === undefined ? NOTHING : readOver(fields.o) };
}

function readOver(value: Json): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_OVER)
    throw new MalformedError("not a list of writes");
  return value.map((entry) => {
    if (typeof entry !== "string" || !/^[0-9a-f]{64}$/.test(entry))
      throw new MalformedError("not the hash of an entry");
    return entry;
  });
}
