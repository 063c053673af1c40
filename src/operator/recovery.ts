import { bech32 } from "@scure/base";
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { identityToRecipient } from "age-encryption";
import { ascii } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import type { Keys, SealIdentity } from "../core/ports/keys.ts";
import type { Random } from "../core/ports/random.ts";
import { Secret } from "../core/secret.ts";
import { hkdf } from "./hkdf.ts";

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
  // Age's own spelling of an X25519 identity (https://age-encryption.org/v1).
  const identity = bech32.encodeFromBytes("AGE-SECRET-KEY-", derive(AGE_INFO)).toUpperCase();
  return {
    root: new Secret(derive(ROOT_INFO)),
    seal: { recipient: await identityToRecipient(identity), identity: new Secret(ascii(identity)) },
  };
}

function readCode(code: string): Uint8Array {
  const words = code.trim().toLowerCase().split(/\s+/);
  try {
    const entropy = mnemonicToEntropy(words.join(" "), wordlist);
    if (entropy.length === ENTROPY_BYTES) return entropy;
  } catch {
    // Its message could quote the words.
  }
  const unknown = words.findIndex((word) => !wordlist.includes(word));
  const why =
    words.length !== 12
      ? `a recovery code has 12 words, not ${words.length}`
      : unknown >= 0
        ? `word ${unknown + 1} is not on the list`
        : "the words do not belong together";
  throw new LabError("Invalid", `this is not a recovery code: ${why}`, {
    hint: "twelve English words, in the order in which they were written down",
  });
}
