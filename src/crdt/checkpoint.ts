import { ascii, concat, toHex } from "../core/bytes.ts";
import { encode, type Plain } from "../core/encoding.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { CheckpointBody } from "./authority/bodies.ts";
import type { ChainLink, SummedWrite } from "./chain.ts";

const CHECKPOINT = ascii("lab/1/checkpoint\0");

/**
 * What pinned ledgers have come to: all that is needed to go on from there without what lies below. For each ledger
 * its place and, by path, the item that holds the current value, where it came from, and what was ever superseded.
 */
export function checkpointState(keys: Pick<Keys, "hash">, ledgers: readonly (readonly ChainLink[])[]): Uint8Array {
  const states = ledgers
    .flatMap((links) => {
      const last = links.at(-1)?.entry;
      return last === undefined ? [] : [{ log: toHex(last.header.log), last, links }];
    })
    .sort((a, b) => (a.log < b.log ? -1 : 1))
    .map(({ log, last, links }) => [log, last.header.seq, last.id, ...currentOf(links)]);
  return keys.hash(concat(CHECKPOINT, encode(states as unknown as Plain)));
}

function currentOf(links: readonly ChainLink[]): [next: number, places: Plain] {
  const places = currentWrites(links)
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, value, over, origin: { clock, entry, hlc } }) => {
      const place = [path, clock, entry, hlc.ms, hlc.count, over];
      return value === undefined ? place : [...place, value];
    });
  return [links.at(-1)?.end ?? 0, places as Plain];
}

/** The last write of a ledger at each path, with all that was ever superseded there; ascending by clock. */
export function currentWrites(links: readonly ChainLink[]): SummedWrite[] {
  const current = new Map<string, SummedWrite>();
  for (const { entry, writes, end } of links) {
    const { hlc } = entry.header;
    for (const [i, { path, value, over, origin }] of writes.entries()) {
      const before = current.get(path)?.over ?? [];
      const named = before.length + over.length === 0 ? over : [...new Set([...before, ...over])].sort();
      const from = origin ?? { entry: entry.id, hlc, clock: end - writes.length + i };
      current.set(path, { path, value, over: named, origin: from });
    }
  }
  return [...current.values()].sort((a, b) => a.origin.clock - b.origin.clock);
}

/** A checkpoint that pins these ledgers where they end. */
export function checkpointBody(
  keys: Pick<Keys, "hash">,
  ledgers: readonly (readonly ChainLink[])[],
  at: number,
): CheckpointBody {
  const pins = ledgers.flatMap((links) => {
    const last = links.at(-1)?.entry;
    return last === undefined ? [] : [{ log: last.header.log, seq: last.header.seq, hash: last.hash }];
  });
  return { type: "checkpoint", pins, state: checkpointState(keys, ledgers), at };
}
