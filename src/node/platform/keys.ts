import { hash } from "node:crypto";
import { fromLatin1 } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { decrypt, encrypt } from "./aes-gcm.ts";
import { createSealIdentity, open, seal } from "./age.ts";
import { Ed25519 } from "./ed25519.ts";

/** Cryptography of OpenSSL, of age for sealing, and of noble-curves where OpenSSL accepts keys that nobody should. */
export function createKeys(): Keys {
  const ed25519 = new Ed25519();
  return {
    // As text and back it takes half as long: the buffer that Node would make costs more than the hash.
    hash: (message) => fromLatin1(hash("sha256", message, "binary")),
    hash512: (message) => fromLatin1(hash("sha512", message, "binary")),
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
