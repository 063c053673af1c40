import { toHex } from "./bytes.ts";
import { utf8Encode } from "./utf8.ts";

export type Hash = (bytes: Uint8Array) => Uint8Array;

/** Rendezvous hashing: an order of the candidates that only its key decides, and that others' leaving does not change. */
export function rendezvous(hash: Hash, key: string, candidates: readonly string[]): string[] {
  const weighed = candidates.map((candidate) => ({
    candidate,
    weight: toHex(hash(utf8Encode(`${key} ${candidate}`))),
  }));
  return weighed.sort((a, b) => (a.weight < b.weight ? -1 : 1)).map(({ candidate }) => candidate);
}
