import type { Entry, ObservedHeader } from "./entry/entry.ts";

/**
 * - `record`: the latest report of a node
 * - `forked`: the node's key signed two reports with one version; neither counts until a new log is opened
 */
export type ObservedState =
  | { readonly state: "record"; readonly entry: Entry<ObservedHeader> }
  | { readonly state: "forked"; readonly proof: readonly [Entry<ObservedHeader>, Entry<ObservedHeader>] };

/** What a report means beside what is known: the new state, or null if it changes nothing. A fork is for ever. */
export function observe(known: ObservedState | undefined, entry: Entry<ObservedHeader>): ObservedState | null {
  if (known === undefined) return { state: "record", entry };
  if (known.state === "forked") return null;
  const before = known.entry;
  if (before.id === entry.id) return null;
  if (before.header.seq === entry.header.seq) return { state: "forked", proof: [before, entry] };
  if (entry.header.seq < before.header.seq) return null;
  return { state: "record", entry };
}
