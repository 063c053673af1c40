import { decode as cborDecode, encode as cborEncode, rfc8949EncodeOptions } from "cborg";
import { equalBytes, fromCodes } from "./bytes.ts";
import { LabError } from "./errors.ts";

/** What canonical bytes can say. Numbers are finite; maps have text keys. */
export type Plain =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Plain[]
  | { readonly [key: string]: Plain | undefined };

/** Bytes that are no canonical encoding: truncated, with trailing bytes, unsorted, with a duplicate or indefinite part. */
export class MalformedError extends LabError {
  constructor(detail: string, options?: ErrorOptions) {
    super("Invalid", `malformed: ${detail}`, {}, options);
  }
}

/** Deeper nesting has no encoding. Without a fixed bound the size of the stack would decide what is valid. */
const MAX_DEPTH = 32;

/**
 * Deterministic CBOR: core deterministic encoding requirements of RFC 8949 §4.2.1. One value has one encoding, so that
 * what is signed can be made again from what is meant. Members with the value undefined are left out.
 */
export function encode(value: Plain): Uint8Array {
  // Most messages are small and plain: for those this is several times faster, and gives the same bytes.
  const out = new Output();
  try {
    if (out.write(value, 0)) return out.take();
  } finally {
    out.wipe();
  }
  return cborEncode(completed(value, 0), rfc8949EncodeOptions);
}

/**
 * Strict inverse of {@link encode}: everything that `encode` would not have written is refused. Byte strings are copies,
 * which outlive the message; with `lend`, one that is most of the message is a part of it, for messages that are kept
 * or dropped as a whole.
 */
export function decode(bytes: Uint8Array, strings: "copy" | "lend" = "copy"): Plain {
  const plain = new Input(bytes, strings).readAll();
  if (plain !== undefined) return plain;
  // Wrong, or not as plain: the library knows which.
  let value: Plain;
  try {
    value = cborDecode(bytes, {
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
      strict: true,
    }) as Plain;
    // Order of keys and the shortest form of numbers are checked the simple way: there is only one spelling.
    if (equalBytes(encode(value), bytes)) return value;
  } catch (cause) {
    throw new MalformedError(cause instanceof Error ? cause.message : "not CBOR", { cause });
  }
  throw new MalformedError("not the canonical encoding");
}

const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const BYTES = 0x40;
const TEXT = 0x60;
const LIST = 0x80;
const MAP = 0xa0;

/**
 * Where messages are put together that fit: an array for each would cost more than all of the writing. Wiped after
 * each, as there may be a secret in it.
 */
const desk = new Uint8Array(4096);

/** Writes whole numbers, ASCII, bytes, and lists and maps of them; the rest is left to the library. */
class Output {
  #bytes = desk;
  #at = 0;

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  wipe(): void {
    this.#bytes.fill(0, 0, this.#at);
  }

  /** False if something in `value` is not for here: then what was written is worth nothing. */
  write(value: Plain | undefined, depth: number): boolean {
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return this.#number(value);
      case "boolean":
        this.#byte(value ? 0xf5 : 0xf4);
        return true;
      case "undefined":
        return false;
      default:
        break;
    }
    if (value === null) {
      this.#byte(0xf6);
      return true;
    }
    if (value instanceof Uint8Array) {
      this.#head(BYTES, value.length);
      this.#room(value.length);
      this.#bytes.set(value, this.#at);
      this.#at += value.length;
      return true;
    }
    if (depth === MAX_DEPTH) throw new MalformedError(`nested more than ${MAX_DEPTH} deep`);
    if (Array.isArray(value)) {
      this.#head(LIST, value.length);
      for (const item of value as readonly Plain[]) if (!this.write(item, depth + 1)) return false;
      return true;
    }
    return this.#map(value as { readonly [key: string]: Plain | undefined }, depth);
  }

  #map(map: { readonly [key: string]: Plain | undefined }, depth: number): boolean {
    let keys = Object.keys(map);
    if (keys.some((key) => map[key] === undefined)) keys = keys.filter((key) => map[key] !== undefined);
    sortKeys(keys);
    this.#head(MAP, keys.length);
    for (const key of keys) if (!this.#text(key) || !this.write(map[key], depth + 1)) return false;
    return true;
  }

  #text(text: string): boolean {
    this.#head(TEXT, text.length);
    this.#room(text.length);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return false;
      this.#bytes[this.#at++] = unit;
    }
    return true;
  }

  #number(value: number): boolean {
    if (!Number.isSafeInteger(value)) return false;
    if (value >= 0) this.#head(UNSIGNED, value);
    else this.#head(NEGATIVE, -1 - value);
    return true;
  }

  /** Major type and argument, in its shortest form. */
  #head(major: number, argument: number): void {
    if (argument < 24) return this.#byte(major | argument);
    const width = argument < 0x100 ? 0 : argument < 0x10000 ? 1 : argument < 0x100000000 ? 2 : 3;
    this.#byte(major | (24 + width));
    if (width === 3) this.#fixed(Math.floor(argument / 0x100000000), 4);
    this.#fixed(argument >>> 0, 1 << Math.min(width, 2));
  }

  #fixed(value: number, bytes: number): void {
    for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) this.#byte((value >>> shift) & 0xff);
  }

  #byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.wipe();
    this.#bytes = larger;
  }
}

/** In place, as encoded keys are compared: those begin with their length (RFC 8949 §4.2.1). */
function sortKeys(keys: string[]): void {
  // Maps are small, and mostly in order: sorted by hand they cost no call for each comparison.
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    while (at > 0 && isBefore(key, keys[at - 1] as string)) {
      keys[at] = keys[at - 1] as string;
      at--;
    }
    keys[at] = key;
  }
}

function isBefore(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}

/** Reads what {@link Output} writes, and nothing else. */
class Input {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** The argument of the last head. */
  #argument = 0;
  /** Byte strings of this length and more are lent. */
  readonly #lentFrom: number;

  constructor(bytes: Uint8Array, strings: "copy" | "lend") {
    this.#bytes = bytes;
    // A small part must not keep a large message in memory, nor what the message is a part of itself.
    this.#lentFrom = strings === "lend" ? bytes.buffer.byteLength / 2 : Number.POSITIVE_INFINITY;
  }

  /** Undefined if the bytes are not a single canonical item of those kinds. */
  readAll(): Plain | undefined {
    const value = this.#read(0);
    return this.#at === this.#bytes.length ? value : undefined;
  }

  #read(depth: number): Plain | undefined {
    const first = this.#bytes[this.#at++];
    switch (first) {
      case undefined:
        return undefined;
      case 0xf4:
        return false;
      case 0xf5:
        return true;
      case 0xf6:
        return null;
      default:
        break;
    }
    if (!this.#head(first & 0x1f)) return undefined;
    const argument = this.#argument;
    switch (first & 0xe0) {
      case UNSIGNED:
        return argument;
      case NEGATIVE:
        return argument < Number.MAX_SAFE_INTEGER ? -1 - argument : undefined;
      case BYTES:
        return this.#byteString(argument);
      case TEXT:
        return this.#text(argument);
      case LIST:
        return depth === MAX_DEPTH ? undefined : this.#list(argument, depth);
      case MAP:
        return depth === MAX_DEPTH ? undefined : this.#map(argument, depth);
      default:
        return undefined;
    }
  }

  /** False if the argument is cut short, too large to count with, or not in its shortest form. */
  #head(additional: number): boolean {
    if (additional < 24) {
      this.#argument = additional;
      return true;
    }
    if (additional > 27) return false;
    const bytes = 1 << (additional - 24);
    let argument = 0;
    for (let i = 0; i < bytes; i++) argument = argument * 256 + (this.#bytes[this.#at++] ?? Number.NaN);
    this.#argument = argument;
    const least = additional === 24 ? 24 : 256 ** (bytes / 2);
    return argument >= least && argument <= Number.MAX_SAFE_INTEGER;
  }

  #byteString(length: number): Uint8Array | undefined {
    if (length > this.#bytes.length - this.#at) return undefined;
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return length < this.#lentFrom ? new Uint8Array(part) : part;
  }

  #text(length: number): string | undefined {
    if (length > this.#bytes.length - this.#at) return undefined;
    const codes: number[] = [];
    for (const end = this.#at + length; this.#at < end; this.#at++) {
      const code = this.#bytes[this.#at] as number;
      if (code > 0x7f) return undefined;
      codes.push(code);
    }
    return fromCodes(codes);
  }

  #list(length: number, depth: number): Plain | undefined {
    const items: Plain[] = [];
    for (let i = 0; i < length; i++) {
      const item = this.#read(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #map(length: number, depth: number): Plain | undefined {
    const map: Record<string, Plain> = {};
    let before = "";
    for (let i = 0; i < length; i++) {
      const key = this.#read(depth + 1);
      if (typeof key !== "string" || (i > 0 && !isBefore(before, key)) || key === "__proto__") return undefined;
      const value = this.#read(depth + 1);
      if (value === undefined) return undefined;
      map[key] = value;
      before = key;
    }
    return map;
  }
}

/** Without undefined members, which CBOR would spell out. */
function completed(value: Plain, depth: number): Plain {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  if (depth === MAX_DEPTH) throw new MalformedError(`nested more than ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) return value.map((item) => completed(item, depth + 1));
  const present = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(present.map(([key, member]) => [key, completed(member as Plain, depth + 1)]));
}
