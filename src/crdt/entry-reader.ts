import type { Keys } from "../core/ports/keys.ts";
import { decodeReport, type NodeReport } from "../core/report.ts";
import { type AuthorityBody, decodeBody } from "./authority/bodies.ts";
import { type AuthorityHeader, decodeEntry, type Entry, type ObservedHeader } from "./entry/entry.ts";

/**
 * How a replica reads entries. What they say depends on their bytes alone, so that whoever runs many replicas in one
 * process reads each of them once. All throw `MalformedError`.
 */
export interface EntryReader {
  entry(bytes: Uint8Array): Entry;
  body(entry: Entry<AuthorityHeader>): AuthorityBody;
  report(entry: Entry<ObservedHeader>): NodeReport;
}

export function entryReader(keys: Pick<Keys, "hash">): EntryReader {
  return {
    entry: (bytes) => decodeEntry(keys, bytes),
    body: ({ header, payload }) => decodeBody(header.type, payload),
    report: ({ payload }) => decodeReport(payload),
  };
}
