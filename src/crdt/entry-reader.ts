import type { Keys } from "../core/ports/keys.ts";
import { decodeReport, type NodeReport } from "../core/report.ts";
import { type AuthorityBody, decodeBody } from "./authority/bodies.ts";
import { type AuthorityHeader, type ChainHeader, decodeEntry, type Entry, type ObservedHeader } from "./entry/entry.ts";
import { type ReadUpdate, readUpdate } from "./ledger/update-codec.ts";

/**
 * How a replica reads entries. What they say depends on their bytes alone, so that whoever runs many replicas in one
 * process reads each of them once. All throw `MalformedError`.
 */
export interface EntryReader {
  entry(bytes: Uint8Array): Entry;
  body(entry: Entry<AuthorityHeader>): AuthorityBody;
  report(entry: Entry<ObservedHeader>): NodeReport;
  /** Of a link of a ledger. */
  update(entry: Entry<ChainHeader>): ReadUpdate;
}

/** Reads what links of ledgers write each time that it is asked. */
export const UPDATES: Pick<EntryReader, "update"> = {
  update: ({ header, payload }) => readUpdate(payload, header.hlc),
};

export function entryReader(keys: Pick<Keys, "hash">): EntryReader {
  return {
    entry: (bytes) => decodeEntry(keys, bytes),
    body: ({ header, payload }) => decodeBody(header.type, payload),
    report: ({ payload }) => decodeReport(payload),
    ...UPDATES,
  };
}
