import { createCipheriv, createDecipheriv } from "node:crypto";
import { concat } from "../src/core/bytes.ts";

export const TAG_BYTES = 16;
export const NONCE_BYTES = 12;

/** AES-256-GCM as on a real machine: the tag follows the ciphertext. */
export function encrypt(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
  if (key.length !== 32) throw new Error(`an AES-256 key has 32 bytes, not ${key.length}`);
  if (nonce.length !== NONCE_BYTES) throw new Error(`the nonce has ${NONCE_BYTES} bytes, not ${nonce.length}`);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES }).setAAD(associated);
  return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

export function decrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | null {
  if (key.length !== 32 || nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES) return null;
  const end = ciphertext.length - TAG_BYTES;
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(associated)
    .setAuthTag(ciphertext.subarray(end));
  const plaintext = new Uint8Array(decipher.update(ciphertext.subarray(0, end)));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return null;
  }
}
