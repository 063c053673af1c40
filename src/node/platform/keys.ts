import { hash } from "node:crypto";
import type { Keys } from "../../core/ports/keys.ts";
import { decrypt, encrypt } from "./aes-gcm.ts";
import { createSealIdentity, open, seal } from "./age.ts";
import { Ed25519 } from "./ed25519.ts";

/** Cryptography of OpenSSL, of age for sealing, and of noble-curves where OpenSSL accepts keys that nobody should. */
export function createKeys(): Keys {
  const ed25519 = new Ed25519();
  return {
    hash: (message) => new Uint8Array(hash("sha256", message, "buffer")),
    verify: (publicKey, message, signature) => ed25519.verify(publicKey, message, signature),
    verifyAll: (items) => ed25519.verifyAll(items),
    isSafeKey: (publicKey) => ed25519.isSafeKey(publicKey),
    signer: (seed) => ed25519.signer(seed),
    createSealIdentity,
    seal,
    open,
    encrypt,
    decrypt,
  };
}
