import { concat } from "../core/bytes.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { AuthorityGraph } from "./authority/graph.ts";

/** Digest of the authority tips: the `seen` of a chain entry. */
export function authorityDigest(keys: Pick<Keys, "hash">, graph: AuthorityGraph): Uint8Array {
  const tips = graph.tips.map((tip) => tip.entry.id).sort();
  return keys.hash(concat(...tips.map((id) => graph.find(id)?.entry.hash as Uint8Array)));
}
