import { concat } from "../core/bytes.ts";
import type { Keys } from "../core/ports/keys.ts";

type Hash = Pick<Keys, "hash">;

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;

/** HMAC-SHA-256 (RFC 2104). */
function hmac(keys: Hash, key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(key.length > BLOCK_BYTES ? keys.hash(key) : key);
  const inner = keys.hash(
    concat(
      block.map((byte) => byte ^ 0x36),
      message,
    ),
  );
  return keys.hash(
    concat(
      block.map((byte) => byte ^ 0x5c),
      inner,
    ),
  );
}

/** HKDF with SHA-256 (RFC 5869). An empty salt means a block of zeros, as the RFC has it. */
export function hkdf(keys: Hash, material: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const extracted = hmac(keys, salt, material);
  let output: Uint8Array = new Uint8Array(0);
  let block: Uint8Array = new Uint8Array(0);
  for (let counter = 1; output.length < length; counter++) {
    block = hmac(keys, extracted, concat(block, info, Uint8Array.of(counter)));
    output = concat(output, block);
  }
  if (length > 255 * HASH_BYTES) throw new Error("HKDF gives at most 255 blocks");
  return output.subarray(0, length);
}
