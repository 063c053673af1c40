import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Signer, VerifyItem } from "../../core/ports/keys.ts";
import type { Secret } from "../../core/secret.ts";
import { RecentMap } from "./recent-map.ts";
import { isPrimeOrderPoint } from "./safe-key.ts";

// RFC 8410: everything of the DER encodings that comes before the 32 bytes of the key.
const PRIVATE_KEY_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_KEY_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Keys of a large mesh and then some. An import costs nearly as much as a verification, the check of a key ten times that. */
const KEYS_REMEMBERED = 4096;

/** OpenSSL's thread pool takes four at once; as many again wait, so that none of its threads does. */
const VERIFICATIONS_IN_FLIGHT = 8;

/** Ed25519 over OpenSSL, with keys imported and judged once. */
export class Ed25519 {
  readonly #imported = new RecentMap<KeyObject>(KEYS_REMEMBERED);
  readonly #judged = new RecentMap<"safe" | "unsafe">(KEYS_REMEMBERED);

  signer(seed: Secret): Signer {
    const privateKey = importSeed(seed);
    const encoded = createPublicKey(privateKey).export({ format: "der", type: "spki" });
    return {
      publicKey: new Uint8Array(encoded.subarray(PUBLIC_KEY_PREFIX.length)),
      sign: (message) => new Uint8Array(sign(null, message, privateKey)),
    };
  }

  isSafeKey(publicKey: Uint8Array): boolean {
    const name = nameOf(publicKey);
    let verdict = this.#judged.get(name);
    if (verdict === undefined) {
      verdict = isPrimeOrderPoint(publicKey) ? "safe" : "unsafe";
      this.#judged.set(name, verdict);
    }
    return verdict === "safe";
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (!isPlausible(publicKey, signature)) return false;
    // The signature first: to a key that nobody has seen it is the cheaper question.
    return verify(null, message, this.#import(publicKey), signature) && this.isSafeKey(publicKey);
  }

  async verifyAll(items: readonly VerifyItem[]): Promise<boolean[]> {
    const answers = items.map(() => false);
    const questions = items.entries();
    const lane = async () => {
      for (const [at, item] of questions) answers[at] = await this.#verifyInPool(item);
    };
    // This thread would only wait meanwhile: it takes its share, one at a time, and looks after the loop in between.
    const own = async () => {
      for (const [at, { publicKey, message, signature }] of questions) {
        answers[at] = this.verify(publicKey, message, signature);
        await nextTurn();
      }
    };
    const lanes = Array.from({ length: Math.min(VERIFICATIONS_IN_FLIGHT, items.length) }, lane);
    await Promise.all([...lanes, own()]);
    return answers;
  }

  async #verifyInPool({ publicKey, message, signature }: VerifyItem): Promise<boolean> {
    if (!isPlausible(publicKey, signature)) return false;
    const key = this.#import(publicKey);
    const valid = await new Promise<boolean>((resolve, reject) => {
      verify(null, message, key, signature, (error, result) => (error ? reject(error) : resolve(result)));
    });
    return valid && this.isSafeKey(publicKey);
  }

  #import(publicKey: Uint8Array): KeyObject {
    const name = nameOf(publicKey);
    let key = this.#imported.get(name);
    if (key === undefined) {
      key = createPublicKey({ key: Buffer.concat([PUBLIC_KEY_PREFIX, publicKey]), format: "der", type: "spki" });
      this.#imported.set(name, key);
    }
    return key;
  }
}

function importSeed(seed: Secret): KeyObject {
  if (seed.byteLength !== 32) throw new Error(`an Ed25519 seed has 32 bytes, not ${seed.byteLength}`);
  const encoded = Buffer.concat([PRIVATE_KEY_PREFIX, seed.reveal()]);
  try {
    return createPrivateKey({ key: encoded, format: "der", type: "pkcs8" });
  } finally {
    encoded.fill(0);
  }
}

/** OpenSSL 3.0 verifies signatures whose R is the neutral element, 3.5 does not; a mesh must not split over that. */
function isPlausible(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  return signature[0] !== 1 || signature.subarray(1, 32).some((byte) => byte !== 0);
}

function nameOf(publicKey: Uint8Array): string {
  return Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).toString("latin1");
}
