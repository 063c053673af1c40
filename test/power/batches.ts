import { toHex } from "../../src/core/bytes.ts";
import type { ChainHeader, Entry } from "../../src/crdt/entry/entry.ts";
import { seededRandom } from "../../sim/random.ts";

/** The log that the writer writes, one entry after the other. */
const LOG = new Uint8Array(32).fill(7);

/** Batch number `n` of a run: between one and forty entries of up to four kilobytes, the same whenever it is asked for. */
export function batchOf(run: string, n: number): Entry<ChainHeader>[] {
  const random = seededRandom(`${run} batch ${n}`);
  return Array.from({ length: 1 + random.below(40) }, (_, i) => ({
    id: toHex(random.bytes(32)),
    bytes: random.bytes(50 + random.below(4_000)),
    header: { log: LOG, class: 1, seq: n * 100 + i },
  })) as unknown as Entry<ChainHeader>[];
}

/** Of a stored entry, by the number that {@link batchOf} gave it. */
export function batchAt(key: string): number {
  return Math.floor(Number(key.split("/")[3]) / 100);
}
