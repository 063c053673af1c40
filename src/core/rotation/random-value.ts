import type { Random } from "../ports/random.ts";
import { Secret } from "../secret.ts";
import { utf8Encode } from "../utf8.ts";

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const DIGITS = "0123456789";
const LETTERS = LOWER + LOWER.toUpperCase();

/** What `alphabet` of a declaration can name. */
const ALPHABETS = {
  "letters-digits": LETTERS + DIGITS,
  letters: LETTERS,
  digits: DIGITS,
  hex: `${DIGITS}abcdef`,
  base64url: `${LETTERS + DIGITS}-_`,
  /** Without quotes, backslash, dollar and blanks: it can stand in most files as it is. */
  printable: `${LETTERS + DIGITS}!#%&()*+,-./:;<=>?@[]^_{|}~`,
} as const;

export const ALPHABET_NAMES = [
  "letters-digits",
  "letters",
  "digits",
  "hex",
  "base64url",
  "printable",
  "bytes",
] as const;
export type AlphabetName = (typeof ALPHABET_NAMES)[number];

/** Each character as likely as every other: no remainder favours the first ones. */
export function randomValue(random: Random, length: number, alphabet: AlphabetName): Secret {
  if (alphabet === "bytes") return new Secret(random.bytes(length));
  const letters = utf8Encode(ALPHABETS[alphabet]);
  const value = new Uint8Array(length);
  for (let i = 0; i < length; i++) value[i] = letters[random.below(letters.length)] as number;
  return new Secret(value);
}
