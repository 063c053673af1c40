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
  return cborEncode(isComplete(value, 0) ? value : completed(value, 0), rfc8949EncodeOptions);
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

/** True if CBOR spells it as it stands. Throws {@link MalformedError} beyond the bound of depth. */
function isComplete(value: Plain | undefined, depth: number): boolean {
  if (value === undefined) return false;
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return true;
  if (depth === MAX_DEPTH) throw new MalformedError(`nested more than ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) {
    for (const item of value as readonly Plain[]) if (!isComplete(item, depth + 1)) return false;
    return true;
  }
  for (const member of Object.values(value)) if (!isComplete(member as Plain | undefined, depth + 1)) return false;
  return true;
}

/** Without undefined members, which CBOR would spell out. */
function completed(value: Plain, depth: number): Plain {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  if (depth === MAX_DEPTH) throw new MalformedError(`nested more than ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) return value.map((item) => completed(item, depth + 1));
  const present = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(present.map(([key, member]) => [key, completed(member as Plain, depth + 1)]));
}
