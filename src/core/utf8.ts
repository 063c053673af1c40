import { equalBytes, fromCodes } from "./bytes.ts";
import { MalformedError } from "./encoding.ts";

/** UTF-8 (RFC 3629), written out because core must run where there is no TextEncoder. Half a pair becomes U+FFFD. */
export function utf8Encode(text: string): Uint8Array {
  return plainBytes(text) ?? spelledBytes(text);
}

/** Of a text of ASCII, as most are; null for any other. */
function plainBytes(text: string): Uint8Array | null {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return null;
    bytes[i] = unit;
  }
  return bytes;
}

function spelledBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const letter of text) {
    const unit = letter.codePointAt(0) as number;
    const point = unit >= 0xd800 && unit <= 0xdfff ? 0xfffd : unit;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    else {
      bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    }
  }
  return Uint8Array.from(bytes);
}

/** Throws {@link MalformedError} for bytes that {@link utf8Encode} would not write. */
export function utf8Decode(bytes: Uint8Array): string {
  const codes: number[] = [];
  for (let i = 0; i < bytes.length && (bytes[i] as number) < 0x80; i++) codes.push(bytes[i] as number);
  if (codes.length === bytes.length) return fromCodes(codes);
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i++] as number;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    let point = first & (more === 3 ? 7 : more === 2 ? 15 : 31);
    for (let j = 0; j < more; j++) point = (point << 6) | ((bytes[i + j] ?? 0) & 63);
    const letter = point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? null : String.fromCodePoint(point);
    // Overlong forms, stray continuation bytes and surrogates have another spelling, or none.
    if (letter === null || !equalBytes(utf8Encode(letter), bytes.subarray(i - 1, i + more))) {
      throw new MalformedError("not UTF-8");
    }
    text += letter;
    i += more;
  }
  return text;
}
