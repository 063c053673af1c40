import { bech32 } from "@scure/base";
import { identityToRecipient } from "age-encryption";
import { ascii, concat } from "../core/bytes.ts";
import type { Keys, SealIdentity } from "../core/ports/keys.ts";
import { Secret } from "../core/secret.ts";
import { hkdf } from "./hkdf.ts";

const INFO = ascii("lab/1/operator-seal\0");

/**
 * What is sealed to an operator's key opens with this: derived from the key's seed, one for each mesh. So there is nothing
 * besides the key that could be lost, and a signature and a seal never use one number.
 */
export async function operatorSeal(keys: Pick<Keys, "hash">, seed: Secret, mesh: Uint8Array): Promise<SealIdentity> {
  return ageIdentity(hkdf(keys, seed.reveal(), new Uint8Array(0), concat(INFO, mesh), 32));
}

/** In age's own spelling of an X25519 key (https://age-encryption.org/v1). */
export async function ageIdentity(bytes: Uint8Array): Promise<SealIdentity> {
  const identity = bech32.encodeFromBytes("AGE-SECRET-KEY-", bytes).toUpperCase();
  return { recipient: await identityToRecipient(identity), identity: new Secret(ascii(identity)) };
}
