import { ascii, concat, toHex } from "../core/bytes.ts";
import { encode, type Plain } from "../core/encoding.ts";
import type { Json } from "../core/json.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { CheckpointBody } from "./authority/bodies.ts";
import type { ChainLink } from "./chain.ts";

const CHECKPOINT = ascii("lab/1/checkpoint\0");

interface Current {
  readonly clock: number;
  readonly link: ChainLink;
  readonly value: Json | undefined;
  readonly over: Set<string>;
}

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
  const current = new Map<string, Current>();
  let next = 0;
  for (const link of links) {
    for (const { path, value, over } of link.writes) {
      const named = new Set([...(current.get(path)?.over ?? []), ...over]);
      current.set(path, { clock: next++, link, value, over: named });
    }
  }
  const places = [...current]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, { clock, link, value, over }]) => {
      const { hlc } = link.entry.header;
      const place = [path, clock, link.entry.id, hlc.ms, hlc.count, [...over].sort()];
      return value === undefined ? place : [...place, value];
    });
  return [next, places as Plain];
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
