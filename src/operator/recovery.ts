import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { ascii } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Keys, SealIdentity } from "../core/ports/keys.ts";
import type { Random } from "../core/ports/random.ts";
import { Secret } from "../core/secret.ts";
import { hkdf } from "./hkdf.ts";
import { ageIdentity } from "./own-seal.ts";

/** 128 bits are twelve words (BIP-39). */
const ENTROPY_BYTES = 16;
const ROOT_INFO = ascii("lab/1/recovery-root");
const AGE_INFO = ascii("lab/1/recovery-age");

/** What the twelve words open: the root of the mesh, and every secret in it. */
export interface RecoveryKeys {
  /** Ed25519 seed of the root key. */
  readonly root: Secret;
  /** Every secret is sealed to it as well. */
  readonly seal: SealIdentity;
}

/** Twelve English words, to be written on paper. */
export function createRecoveryCode(random: Random): string {
  return entropyToMnemonic(random.bytes(ENTROPY_BYTES), wordlist);
}

/**
 * The keys behind a recovery code. Straight from its 128 bits with one label for each: BIP-39's own slow derivation
 * is made for passphrases, and there is none here. Throws `Invalid` for words that are no recovery code.
 */
export async function recoveryKeys(keys: Pick<Keys, "hash">, code: string): Promise<RecoveryKeys> {
  const entropy = readCode(code);
  const derive = (info: Uint8Array) => hkdf(keys, entropy, new Uint8Array(0), info, 32);
  return { root: new Secret(derive(ROOT_INFO)), seal: await ageIdentity(derive(AGE_INFO)) };
}

function readCode(code: string): Uint8Array {
  const { problem } = checkRecoveryCode(code);
  if (problem === null) return mnemonicToEntropy(wordsOf(code).join(" "), wordlist);
  throw new LabError("Invalid", `this is not a recovery code: ${problem}`, {
    hint: "twelve English words, in the order in which they were written down",
  });
}

/** What is wrong with words that shall be a recovery code. */
export interface CodeCheck {
  /** Null if nothing is. Repeats no word. */
  readonly problem: string | null;
  /** Words of the list that the first unknown one may have been: to be shown only to whoever typed it. */
  readonly near: readonly string[];
}

export function checkRecoveryCode(code: string): CodeCheck {
  const words = wordsOf(code);
  if (words.length !== 12) return { problem: `a recovery code has 12 words, not ${words.length}`, near: [] };
  const unknown = words.findIndex((word) => !wordlist.includes(word));
  if (unknown >= 0) {
    return { problem: `word ${unknown + 1} is not on the list`, near: nearest(words[unknown] ?? "", wordlist) };
  }
  try {
    if (mnemonicToEntropy(words.join(" "), wordlist).length === ENTROPY_BYTES) return { problem: null, near: [] };
  } catch {
    // Its message could quote the words.
  }
  return { problem: "the words do not belong together: one is another one, or two changed places", near: [] };
}

function wordsOf(code: string): string[] {
  return code.trim().toLowerCase().split(/\s+/);
}
