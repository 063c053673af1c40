import { MalformedError, type Plain } from "./encoding.ts";

/** Readers of decoded messages: each takes what another machine wrote, and throws {@link MalformedError} at the rest. */

export type Fields = Readonly<Record<string, Plain | undefined>>;

export function readFields(value: Plain | undefined): Fields {
  if (value === undefined || value === null || typeof value !== "object") throw new MalformedError("not a map");
  if (Array.isArray(value) || value instanceof Uint8Array) throw new MalformedError("not a map");
  return value as Fields;
}

/** Exactly `length` bytes, where it is given. */
export function readBytes(value: Plain | undefined, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) {
    throw new MalformedError("not the right bytes");
  }
  return value;
}

export function readText(value: Plain | undefined, limit: number): string {
  if (typeof value !== "string" || value.length > limit) throw new MalformedError("not a short text");
  return value;
}

/** At most `limit` texts of at most 300 characters. */
export function readTexts(value: Plain | undefined, limit: number): string[] {
  return readList(value, limit).map((text) => readText(text, 300));
}

export function readList(value: Plain | undefined, limit: number): readonly Plain[] {
  if (!Array.isArray(value) || value.length > limit) throw new MalformedError("not a short list");
  return value as readonly Plain[];
}

export function readNumber(value: Plain | undefined): number {
  if (typeof value !== "number" || value < 0) throw new MalformedError("not a number");
  return value;
}
