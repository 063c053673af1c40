import { recurringHex } from "../core/recurring-hex.ts";
import type { Entry } from "./entry/entry.ts";

/** Enough for a long reorder, bounded because anybody can send orphans. What is dropped, anti-entropy brings again. */
export const MAX_PARKED = 1024;
export const MAX_PARKED_BYTES = 4 * 1024 * 1024;

/** Of one author: nobody's orphans take the places of everybody's. */
export const MAX_PARKED_OF_AUTHOR = 512;
export const MAX_PARKED_BYTES_OF_AUTHOR = 1024 * 1024;

/**
 * Those of the entries that go on waiting for what they build on, in their order. The newest of each author stay, and
 * authors whose key is known here come before those that anybody could have made up.
 */
export function fittingLot(waiting: readonly Entry[], isKnownKey: (key: string) => boolean): readonly Entry[] {
  if (waiting.length === 0) return waiting;
  const perAuthor = new Map<string, Share>();
  const left = { entries: MAX_PARKED, bytes: MAX_PARKED_BYTES };
  const staying = new Set<Entry>();
  const newestFirst = waiting.toReversed();
  for (const known of [true, false]) {
    for (const entry of newestFirst) {
      const author = recurringHex(entry.header.key);
      if (isKnownKey(author) !== known) continue;
      const own = perAuthor.get(author) ?? { entries: MAX_PARKED_OF_AUTHOR, bytes: MAX_PARKED_BYTES_OF_AUTHOR };
      perAuthor.set(author, own);
      if (!hasRoom(own, entry) || !hasRoom(left, entry)) continue;
      take(own, entry);
      take(left, entry);
      staying.add(entry);
    }
  }
  return staying.size === waiting.length ? waiting : waiting.filter((entry) => staying.has(entry));
}

/** What waits, in all and of whom: by hex of the author's key. */
export interface Parked {
  readonly entries: number;
  readonly bytes: number;
  readonly byAuthor: ReadonlyMap<string, number>;
}

export function countParked(waiting: Iterable<Entry>): Parked {
  const byAuthor = new Map<string, number>();
  let [entries, size] = [0, 0];
  for (const { header, bytes } of waiting) {
    const author = recurringHex(header.key);
    byAuthor.set(author, (byAuthor.get(author) ?? 0) + 1);
    entries++;
    size += bytes.length;
  }
  return { entries, bytes: size, byAuthor };
}

/** What is left of one. */
interface Share {
  entries: number;
  bytes: number;
}

function hasRoom(share: Share, { bytes }: Entry): boolean {
  return share.entries > 0 && share.bytes >= bytes.length;
}

function take(share: Share, { bytes }: Entry): void {
  share.entries--;
  share.bytes -= bytes.length;
}
