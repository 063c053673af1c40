import { type Entry, isObserved } from "../crdt/entry/entry.ts";

/**
 * Entries as they are broadcast: each report in a message of its own, all others together, as one signature may cover
 * many of them. When a fleet starts, everybody learns of other reports together and passes them on; gossip knows a report
 * again that comes alone, and no batch that nobody else has put together in the same way.
 */
export function messagesOf(entries: readonly Entry[]): readonly (readonly Uint8Array[])[] {
  const reports = entries.filter(isObserved).map(({ bytes }) => [bytes]);
  const others = entries.filter((entry) => !isObserved(entry)).map(({ bytes }) => bytes);
  return others.length === 0 ? reports : [others, ...reports];
}
