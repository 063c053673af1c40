import { fromBase64Url, toBase64Url } from "../bytes.ts";

/** RFC 4648 §4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  const text = toBase64Url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/** The only spelling that {@link toBase64} gives, else null. */
export function fromBase64(text: string): Uint8Array | null {
  const bytes = fromBase64Url(text.replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_"));
  return bytes !== null && toBase64(bytes) === text ? bytes : null;
}
