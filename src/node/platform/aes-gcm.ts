import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { concat } from "../../core/bytes.ts";
import { Secret } from "../../core/secret.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM (NIST SP 800-38D) with a 12-byte nonce, which must never come twice under one key; ciphertext ‖ tag. */
export function encrypt(key: Secret, nonce: Uint8Array, associated: Uint8Array, plaintext: Secret): Uint8Array {
  if (key.byteLength !== KEY_BYTES) throw new Error(`an AES-256 key has ${KEY_BYTES} bytes, not ${key.byteLength}`);
  if (nonce.length !== NONCE_BYTES) throw new Error(`the nonce has ${NONCE_BYTES} bytes, not ${nonce.length}`);
  const cipher = createCipheriv("aes-256-gcm", objectOf(key), nonce, { authTagLength: TAG_BYTES }).setAAD(associated);
  return concat(cipher.update(plaintext.reveal()), cipher.final(), cipher.getAuthTag());
}

/** Null for whatever {@link encrypt} did not make of exactly this key, nonce and associated data. */
export function decrypt(key: Secret, nonce: Uint8Array, associated: Uint8Array, ciphertext: Uint8Array): Secret | null {
  if (key.byteLength !== KEY_BYTES || nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES) return null;
  const end = ciphertext.length - TAG_BYTES;
  const decipher = createDecipheriv("aes-256-gcm", objectOf(key), nonce, { authTagLength: TAG_BYTES })
    .setAAD(associated)
    .setAuthTag(ciphertext.subarray(end));
  const { buffer, byteOffset, length } = decipher.update(ciphertext.subarray(0, end));
  const plaintext = new Uint8Array(buffer, byteOffset, length);
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    return null;
  }
  return new Secret(plaintext);
}

/** Of bytes Node finds out by exceptions that they are no key object, which takes longer than to seal a password. */
function objectOf(key: Secret): KeyObject {
  return createSecretKey(key.reveal());
}
