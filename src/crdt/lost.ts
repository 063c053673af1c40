import type { AuthorityGraph } from "./authority/graph.ts";
import { type Entry, isChain } from "./entry/entry.ts";

/** From where on a key's word is not its owner's any more. Times are by the writer's clock, milliseconds since 1970. */
export type LostFrom = { readonly atMs: number } | { readonly entry: string };

/** True of the entries with which what is lost begins; what builds on them in the same log is lost with them. */
export function isLostFrom(graph: AuthorityGraph, from: LostFrom | null): (entry: Entry) => boolean {
  if (from === null) return () => false;
  if ("entry" in from) return ({ id }) => id === from.entry;
  return (entry) => {
    if (isChain(entry)) return entry.header.hlc.ms >= from.atMs;
    const node = graph.find(entry.id);
    if (node === undefined) return false;
    if ("at" in node.body) return node.body.at >= from.atMs;
    // An approval says no time: it is no older than what it builds on.
    return graph.entries.some(({ index, body }) => {
      return "at" in body && body.at >= from.atMs && graph.isPast(index, node.index);
    });
  };
}
