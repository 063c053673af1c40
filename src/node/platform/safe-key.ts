import { ed25519 } from "@noble/curves/ed25519.js";

/**
 * Whether 32 bytes are the canonical encoding (RFC 8032 §5.1.3) of a point of the prime-order subgroup other than its
 * neutral element. A small-order key has signatures that verify every message, a key with a torsion component some
 * that depend on the verifier's formula; OpenSSL checks for neither. Costs about a millisecond.
 */
export function isPrimeOrderPoint(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  try {
    const point = ed25519.Point.fromBytes(publicKey);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false;
  }
}
