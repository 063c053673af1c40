import { equalBytes, toHex } from "./bytes.ts";

interface Spelt {
  readonly bytes: Uint8Array;
  readonly hex: string;
}

/** More than the keys and logs that one mesh names often. */
const PLACES = 4096;
const spelt: (Spelt | undefined)[] = Array.from({ length: PLACES });

/**
 * {@link toHex} of what comes again and again, as keys and logs do: the text of the last time, which costs a comparison,
 * and which maps find faster than a new one.
 */
export function recurringHex(bytes: Uint8Array): string {
  return spell(bytes).hex;
}

/** The same bytes as the last time: what is kept with each of many entries is then one array, and not one for each. */
export function recurringBytes(bytes: Uint8Array): Uint8Array {
  return spell(bytes).bytes;
}

function spell(bytes: Uint8Array): Spelt {
  const place = (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % PLACES;
  const known = spelt[place];
  if (known !== undefined && equalBytes(known.bytes, bytes)) return known;
  // A copy: the bytes are mostly a part of a message, which would stay for as long as they do.
  const fresh = { bytes: new Uint8Array(bytes), hex: toHex(bytes) };
  spelt[place] = fresh;
  return fresh;
}
