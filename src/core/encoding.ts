import { decode as cborDecode, encode as cborEncode, rfc8949EncodeOptions } from "cborg";
import { equalBytes } from "./bytes.ts";
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
  const out = new Output();
  // Most messages are small and plain: for those this is several times faster, and gives the same bytes.
  if (out.write(value, 0)) return out.take();
  return cborEncode(completed(value, 0), rfc8949EncodeOptions);
}

/** Strict inverse of {@link encode}: everything that `encode` would not have written is refused. */
export function decode(bytes: Uint8Array): Plain {
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

/** Writes whole numbers, ASCII, bytes, and lists and maps of them; the rest is left to the library. */
class Output {
  #bytes = new Uint8Array(256);
  #at = 0;

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
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
    const keys = Object.keys(map).filter((key) => map[key] !== undefined);
    // Encoded keys are compared, and those begin with the length (RFC 8949 §4.2.1).
    keys.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    this.#head(MAP, keys.length);
    return keys.every((key) => this.#text(key) && this.write(map[key], depth + 1));
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
    const bytes = argument < 0x100 ? 1 : argument < 0x10000 ? 2 : argument < 0x100000000 ? 4 : 8;
    this.#byte(major | (23 + Math.log2(2 * bytes)));
    if (bytes === 8) this.#fixed(Math.floor(argument / 0x100000000), 4);
    this.#fixed(argument >>> 0, Math.min(bytes, 4));
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
    larger.set(this.#bytes);
    this.#bytes = larger;
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
