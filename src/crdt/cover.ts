import { toHex } from "../core/bytes.ts";
import type { Keys } from "../core/ports/keys.ts";
import { type Entry, isAuthority, isChain } from "./entry/entry.ts";
import { carriesValidSignature, verificationsOf } from "./entry/signatures.ts";

/** What one signature covers besides its own entry. A run of links has to fit into one message of an exchange. */
const MAX_COVERED_BYTES = 1024 * 1024;
/** From here on the thread pool is faster than checking one by one. */
const POOL_FROM = 8;

/** The chain entries and records that carry a valid signature themselves. (The graph checks authority entries.) */
export async function carrySignatures(keys: Keys, entries: readonly Entry[]): Promise<ReadonlySet<Entry>> {
  const others = entries.filter((entry) => !isAuthority(entry));
  if (others.length < POOL_FROM) {
    return new Set(others.filter((entry) => carriesValidSignature(keys, entry)));
  }
  const items = others.flatMap((entry) => verificationsOf(keys, entry).map((item) => ({ entry, ...item })));
  const verdicts = await keys.verifyAll(items);
  return new Set(items.filter((_, i) => verdicts[i]).map((item) => item.entry));
}

/** Chain cover: an entry counts as signed when it or a descendant of its chain carries a valid signature. */
export function coveredBy(pending: ReadonlyMap<string, Entry>, signed: ReadonlySet<Entry>): ReadonlySet<string> {
  const covered = new Set<string>();
  for (const entry of pending.values()) {
    if (isAuthority(entry)) covered.add(entry.id);
    if (!signed.has(entry)) continue;
    let at: Entry | undefined = entry;
    let bareBytes = 0;
    while (at !== undefined && !covered.has(at.id)) {
      bareBytes = signed.has(at) ? 0 : bareBytes + at.bytes.length;
      if (bareBytes > MAX_COVERED_BYTES) break;
      covered.add(at.id);
      // Mostly there is nothing else that it could cover.
      at = pending.size > 1 && isChain(at) ? pending.get(toHex(at.header.prev)) : undefined;
    }
  }
  return covered;
}
