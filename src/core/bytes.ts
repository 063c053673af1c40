/** What no letter stands for. */
const NO_VALUE = 0xff;
/** Two letters each, as character codes: a string made of codes at once is flat, and twice as fast as one put together. */
const HEX = Uint8Array.from({ length: 512 }, (_, i) => ((i >> 1) >> (i % 2 === 0 ? 4 : 0)) & 15).map(
  (digit) => digit + (digit < 10 ? 48 : 87),
);
const HEX_VALUE = valuesOf("0123456789abcdef");
/** Letters that are made to a string at a time: they are arguments of a call, and those are limited. */
const LETTERS_AT_ONCE = 1024;

function valuesOf(letters: string): Uint8Array {
  const values = new Uint8Array(128).fill(NO_VALUE);
  for (let i = 0; i < letters.length; i++) values[letters.charCodeAt(i)] = i;
  return values;
}

/** The text of these character codes. */
export function fromCodes(codes: readonly number[]): string {
  if (codes.length <= LETTERS_AT_ONCE) return String.fromCharCode(...codes);
  let text = "";
  for (let at = 0; at < codes.length; at += LETTERS_AT_ONCE) {
    text += String.fromCharCode(...codes.slice(at, at + LETTERS_AT_ONCE));
  }
  return text;
}

export function toHex(bytes: Uint8Array): string {
  const codes: number[] = [];
  codes.length = 2 * bytes.length;
  for (let i = 0; i < bytes.length; i++) {
    const at = 2 * (bytes[i] as number);
    codes[2 * i] = HEX[at] as number;
    codes[2 * i + 1] = HEX[at + 1] as number;
  }
  return fromCodes(codes);
}

/** Whether a text is {@link toHex} of these bytes, for less than making one of them. */
export function isHexOf(text: string, bytes: Uint8Array): boolean {
  if (text.length !== 2 * bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) {
    const at = 2 * (bytes[i] as number);
    if (text.charCodeAt(2 * i) !== HEX[at] || text.charCodeAt(2 * i + 1) !== HEX[at + 1]) return false;
  }
  return true;
}

/** Lower-case hex of even length, else null. */
export function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = HEX_VALUE[text.charCodeAt(2 * i)] ?? NO_VALUE;
    const low = HEX_VALUE[text.charCodeAt(2 * i + 1)] ?? NO_VALUE;
    if (high === NO_VALUE || low === NO_VALUE) return null;
    bytes[i] = (high << 4) | low;
  }
  return bytes;
}

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE64URL_CODES = Uint8Array.from(BASE64URL, (letter) => letter.charCodeAt(0));
const BASE64URL_VALUE = valuesOf(BASE64URL);

/** RFC 4648 §5, without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  const codes: number[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    const group = (a << 16) | (b << 8) | c;
    const letters = Math.min(bytes.length - i, 3) + 1;
    for (let j = 0; j < letters; j++) codes.push(BASE64URL_CODES[(group >> (18 - 6 * j)) & 63] as number);
  }
  return fromCodes(codes);
}

/** The only spelling that {@link toBase64Url} gives, else null: two texts never mean the same bytes. */
export function fromBase64Url(text: string): Uint8Array | null {
  if (text.length % 4 === 1) return null;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let [buffer, bits, at] = [0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const value = BASE64URL_VALUE[text.charCodeAt(i)] ?? NO_VALUE;
    if (value === NO_VALUE) return null;
    buffer = ((buffer << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (buffer >> bits) & 0xff;
    }
  }
  // What the last letter says beyond the last byte must be nothing.
  return (buffer & ((1 << bits) - 1)) === 0 ? bytes : null;
}

/** Characters up to U+00FF as a byte each. */
export function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Printable ASCII as bytes; anything else is a bug of the caller. */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) throw new Error(`not ASCII: ${text}`);
    bytes[i] = unit;
  }
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
