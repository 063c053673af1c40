import { createHash } from "node:crypto";
import type { Random } from "../src/core/ports/random.ts";

/** Four 32-bit words, not all zero. */
export type Xoshiro = [number, number, number, number];

/**
 * The next 32 bits of xoshiro128** 1.1 (David Blackman and Sebastiano Vigna, public domain,
 * https://prng.di.unimi.it/xoshiro128starstar.c). Fast and well spread; not for secrets.
 */
export function next32(state: Xoshiro): number {
  const result = Math.imul(rotateLeft(Math.imul(state[1], 5), 7), 9) >>> 0;
  const shifted = state[1] << 9;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= shifted;
  state[3] = rotateLeft(state[3], 11);
  return result;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Chance of one world: equal seeds give equal draws, on every machine. A fork depends on seed and label, never on draws. */
export function seededRandom(seed: string | bigint): Random {
  return new SeededRandom(digest(`lab simulation seed: ${seed}`));
}

const TWO_32 = 2 ** 32;

class SeededRandom implements Random {
  readonly #seed: Buffer;
  readonly #state: Xoshiro;

  constructor(seed: Buffer) {
    this.#seed = seed;
    this.#state = [seed.readUInt32LE(0), seed.readUInt32LE(4), seed.readUInt32LE(8), seed.readUInt32LE(12)];
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let word = 0;
    for (let i = 0; i < length; i++) {
      word = i % 4 === 0 ? next32(this.#state) : word >>> 8;
      bytes[i] = word;
    }
    return bytes;
  }

  below(limit: number): number {
    if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`no whole number is in [0, ${limit})`);
    // Draws from the last, incomplete run of `limit` numbers are thrown away: they would favour small ones.
    const range = limit <= TWO_32 ? TWO_32 : 2 ** 53;
    const complete = range - (range % limit);
    let drawn = complete;
    while (drawn >= complete) drawn = limit <= TWO_32 ? next32(this.#state) : this.#next53();
    return drawn % limit;
  }

  fork(label: string): Random {
    return new SeededRandom(digest(this.#seed, label));
  }

  #next53(): number {
    return (next32(this.#state) >>> 11) * TWO_32 + next32(this.#state);
  }
}

function digest(...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
