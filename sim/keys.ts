import { hash, type KeyObject, sign, verify } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { fromLatin1 } from "../src/core/bytes.ts";
import type { Keys, Signer } from "../src/core/ports/keys.ts";
import type { Random } from "../src/core/ports/random.ts";
import { Secret } from "../src/core/secret.ts";
import { decrypt, encrypt } from "./aes-gcm.ts";
import { importPrivate, importPublic, publicBytes } from "./key-objects.ts";
import { createIdentity, open, seal } from "./seal.ts";

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/**
 * Answers of verifications, by *all* bytes that went in: a pure function is remembered, so a world runs the same with
 * and without. To be shared by all machines of a world, each of which verifies the same entries.
 */
export class VerifyMemo {
  /** Keys that were imported and judged. */
  readonly signatures = new Signatures();
  readonly #limit: number;
  readonly #answers = new Map<string, boolean>();
  /** The question that is being asked. */
  #question = Buffer.alloc(4096);
  hits = 0;

  constructor(limit = 200_000) {
    this.#limit = limit;
  }

  recall(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array, ask: () => boolean): boolean {
    // Key and signature have fixed lengths, so that no two questions have the same bytes.
    if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return ask();
    const length = KEY_BYTES + SIGNATURE_BYTES + message.length;
    if (length > this.#question.length) this.#question = Buffer.alloc(2 * length);
    this.#question.set(publicKey, 0);
    this.#question.set(signature, KEY_BYTES);
    this.#question.set(message, KEY_BYTES + SIGNATURE_BYTES);
    // One character a byte, and cheaper than a hash of them.
    const question = this.#question.toString("latin1", 0, length);
    const known = this.#answers.get(question);
    if (known !== undefined) {
      this.hits++;
      return known;
    }
    const answer = ask();
    if (this.#answers.size >= this.#limit) this.#answers.clear();
    this.#answers.set(question, answer);
    return answer;
  }
}

export interface SimKeysOptions {
  /** `null` verifies anew each time; a world must run the same. Default: a memo of its own. */
  readonly memo?: VerifyMemo | null;
}

/**
 * Real cryptography that settles at once and draws every random byte from `random`. Hashes, signatures and AES-GCM are
 * those of a real machine. Sealing is a box of its own make, as age runs outside of virtual time: recipients look like
 * age's and mean nothing outside of a world.
 */
export function createSimKeys(random: Random, { memo = new VerifyMemo() }: SimKeysOptions = {}): Keys {
  const signatures = memo?.signatures ?? new Signatures();
  const verifyOne = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
    const ask = () => signatures.verify(publicKey, message, signature);
    return memo === null ? ask() : memo.recall(publicKey, message, signature, ask);
  };
  return {
    hash: sha256,
    hash512: (message) => new Uint8Array(hash("sha512", message, "buffer")),
    verify: verifyOne,
    verifyAll: async (items) => items.map((item) => verifyOne(item.publicKey, item.message, item.signature)),
    isSafeKey: (publicKey) => signatures.isSafeKey(publicKey),
    signer: createSigner,
    createSealIdentity: async () => createIdentity(random),
    seal: async (recipients, plaintext) => seal(random, recipients, plaintext),
    open: async (identity, sealed) => open(identity, sealed),
    encrypt: (key, nonce, associated, plaintext) => encrypt(key.reveal(), nonce, associated, plaintext.reveal()),
    decrypt: (key, nonce, associated, ciphertext) => {
      const plaintext = decrypt(key.reveal(), nonce, associated, ciphertext);
      return plaintext && new Secret(plaintext);
    },
  };
}

function sha256(message: Uint8Array): Uint8Array {
  // As in `src/node/platform/keys.ts`: half the cost of a buffer.
  return fromLatin1(hash("sha256", message, "binary"));
}

function createSigner(seed: Secret): Signer {
  if (seed.byteLength !== 32) throw new Error(`an Ed25519 seed has 32 bytes, not ${seed.byteLength}`);
  const privateKey = importPrivate("ed25519", seed.reveal());
  return {
    publicKey: publicBytes("ed25519", privateKey),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}

/** Keys imported and judged once. A world has few, so nothing is forgotten. */
class Signatures {
  readonly #imported = new Map<string, KeyObject>();
  readonly #safe = new Map<string, boolean>();

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    // R is the neutral element: what OpenSSL says to that depends on its version.
    if (signature[0] === 1 && signature.subarray(1, 32).every((byte) => byte === 0)) return false;
    const name = Buffer.from(publicKey).toString("latin1");
    let key = this.#imported.get(name);
    if (key === undefined) {
      key = importPublic("ed25519", publicKey);
      this.#imported.set(name, key);
    }
    return verify(null, message, key, signature) && this.isSafeKey(publicKey);
  }

  isSafeKey(publicKey: Uint8Array): boolean {
    const name = Buffer.from(publicKey).toString("latin1");
    let safe = this.#safe.get(name);
    if (safe === undefined) {
      safe = isPrimeOrderPoint(publicKey);
      this.#safe.set(name, safe);
    }
    return safe;
  }
}

function isPrimeOrderPoint(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  try {
    const point = ed25519.Point.fromBytes(publicKey);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false;
  }
}
