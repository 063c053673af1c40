import type { Keys } from "../src/core/ports/keys.ts";
import type { NodeReport } from "../src/core/report.ts";
import type { AuthorityBody } from "../src/crdt/authority/bodies.ts";
import { type EntryReader, entryReader } from "../src/crdt/entry-reader.ts";
import type { Entry } from "../src/crdt/entry/entry.ts";
import type { ReadUpdate } from "../src/crdt/ledger/update-codec.ts";

/** More than the entries of a world that machines still pass on. */
const MOST = 200_000;

/**
 * Entries by *all* of their bytes, and what is in them: reading is a pure function, so a world runs the same
 * with and without. All machines of a world hold the same objects, of which nobody changes anything; what is malformed
 * is read anew each time.
 */
export function readMemo(keys: Pick<Keys, "hash">): EntryReader {
  const reader = entryReader(keys);
  const entries = new Map<string, Entry>();
  const bodies = new WeakMap<Entry, AuthorityBody>();
  const reports = new WeakMap<Entry, NodeReport>();
  const updates = new WeakMap<Entry, ReadUpdate>();
  return {
    entry: (bytes) => {
      // One character a byte, and cheaper than a hash of them.
      const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
      const known = entries.get(all);
      if (known !== undefined) return known;
      // Of its own: what came is a part of a message, or of a record.
      const entry = reader.entry(new Uint8Array(bytes));
      if (entries.size >= MOST) entries.clear();
      entries.set(all, entry);
      return entry;
    },
    body: (entry) => remembered(bodies, entry, (read) => reader.body(read)),
    report: (entry) => remembered(reports, entry, (read) => reader.report(read)),
    update: (entry) => remembered(updates, entry, (read) => reader.update(read)),
  };
}

function remembered<E extends Entry, T>(known: WeakMap<Entry, T>, entry: E, read: (entry: E) => T): T {
  const before = known.get(entry);
  if (before !== undefined) return before;
  const value = read(entry);
  known.set(entry, value);
  return value;
}
