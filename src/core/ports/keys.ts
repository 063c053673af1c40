import type { Secret } from "../secret.ts";

/** One Ed25519 key pair that signs. */
export interface Signer {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** One age (X25519) key pair that opens what was sealed to it. */
export interface SealIdentity {
  /** `age1…` */
  readonly recipient: string;
  /** `AGE-SECRET-KEY-1…` */
  readonly identity: Secret;
}

/**
 * All cryptography. Synchronous where the simulator must stay inside virtual time; sealing is asynchronous because
 * age runs on WebCrypto, and the simulator's implementation settles in the same microtask turn.
 */
export interface Keys {
  /** SHA-256. */
  hash(message: Uint8Array): Uint8Array;
  /** SHA-512, where somebody else's format asks for it. */
  hash512(message: Uint8Array): Uint8Array;
  /** Ed25519 (RFC 8032). False for a bad signature and for any key that {@link isSafeKey} refuses. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** Verifies many at once; the answer has the order of the question. */
  verifyAll(items: readonly VerifyItem[]): Promise<boolean[]>;
  /** 32 bytes, canonical encoding of a point on the curve that is not small-order and has no torsion component. */
  isSafeKey(publicKey: Uint8Array): boolean;
  /** The signer of a 32-byte seed. */
  signer(seed: Secret): Signer;
  /** A fresh sealing key pair. */
  createSealIdentity(): Promise<SealIdentity>;
  /** An age file (https://age-encryption.org/v1) that every recipient can open. Throws on a malformed recipient. */
  seal(recipients: readonly string[], plaintext: Secret): Promise<Uint8Array>;
  /** Null if the file is not for this identity; throws {@link SealBrokenError} if it is and was altered. */
  open(identity: SealIdentity, sealed: Uint8Array): Promise<Secret | null>;
  /** AES-256-GCM; the 16-byte tag follows the ciphertext. */
  encrypt(key: Secret, nonce: Uint8Array, associated: Uint8Array, plaintext: Secret): Uint8Array;
  /** Null if key, nonce, associated data or ciphertext do not belong together. */
  decrypt(key: Secret, nonce: Uint8Array, associated: Uint8Array, ciphertext: Uint8Array): Secret | null;
}

export interface VerifyItem {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}
