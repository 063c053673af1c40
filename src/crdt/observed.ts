import type { Entry, ObservedHeader } from "./entry/entry.ts";

/**
 * - `record`: the latest report of a node
 * - `forked`: the node's key signed two reports with one version; neither counts until a new log is opened
 */
export type ObservedState =
  | { readonly state: "record"; readonly entry: Entry<ObservedHeader> }
  | { readonly state: "forked"; readonly proof: readonly [Entry<ObservedHeader>, Entry<ObservedHeader>] };

/**
 * What a report means beside the one that is known and the last one that came too late: the new state, or null if it
 * changes nothing. A fork is for ever, also one below the latest version: every peer that is shown the two agrees.
 */
export function observe(
  known: ObservedState | undefined,
  outrun: Entry<ObservedHeader> | undefined,
  entry: Entry<ObservedHeader>,
): ObservedState | null {
  if (known === undefined) return { state: "record", entry };
  if (known.state === "forked") return null;
  for (const before of [known.entry, outrun]) {
    if (before === undefined || before.id === entry.id || before.header.seq !== entry.header.seq) continue;
    return { state: "forked", proof: [before, entry] };
  }
  return entry.header.seq > known.entry.header.seq ? { state: "record", entry } : null;
}

/** The reports that a peer needs to come to this state. */
export function reportsOf(observed: ObservedState): readonly Entry<ObservedHeader>[] {
  return observed.state === "record" ? [observed.entry] : observed.proof;
}
