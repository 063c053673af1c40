import type { CutBody } from "./authority/bodies.ts";
import type { AuthorityGraph, GraphEntry } from "./authority/graph.ts";
import type { ResolvedCut } from "./authority/frontier.ts";
import type { Authority } from "./authority/resolve.ts";
import { toHex } from "../core/bytes.ts";

/** That a machine is a member no more, and by whose word. */
export interface Removal {
  /** Name of the operator who signed it; null where it is not known any more. */
  readonly by: string | null;
  /** Milliseconds since 1970, by the operator's clock. */
  readonly atMs: number;
  readonly reason: string;
}

interface Known {
  readonly graph: AuthorityGraph;
  readonly authority: Authority;
}

/** Null for a key that has an active or suspended machine, or never had any. */
export function removalOf(known: Known, key: string): Removal | null {
  const [first] = cutsOf(known, key);
  if (first === undefined) return null;
  const { log } = known.graph.at(first.index);
  const { at, reason } = first.body satisfies CutBody;
  return { by: known.authority.operators.get(log)?.name ?? null, atMs: at, reason };
}

/**
 * Everything that somebody who trusts nobody needs to see that the key's machines were removed: the cuts, what stands
 * behind them, and all that these build on, in causal order. `cuts` alone are enough for whoever has the rest.
 */
export interface RemovalProof {
  readonly cuts: readonly GraphEntry[];
  readonly whole: readonly GraphEntry[];
}

/** Of the most senior cuts; more of them would prove the same. */
const MOST_CUTS = 8;

/** Null for a key that was not removed. */
export function removalProof(known: Known, key: string): RemovalProof | null {
  const cuts = cutsOf(known, key).slice(0, MOST_CUTS);
  if (cuts.length === 0) return null;
  const { graph, authority } = known;
  const named = new Set(cuts.map(({ index }) => graph.at(index).entry.id));
  // Where one operator's word is not enough, others stand behind it.
  const approvals = graph.entries.filter(
    ({ body, index }) => body.type === "approve" && authority.effective.has(index) && named.has(toHex(body.entry)),
  );
  const told = [...cuts.map(({ index }) => graph.at(index)), ...approvals];
  const isNeeded = ({ index }: GraphEntry) =>
    told.some((entry) => entry.index === index || graph.isPast(index, entry.index));
  const inOrder = (a: GraphEntry, b: GraphEntry) => a.index - b.index;
  return { cuts: told.sort(inOrder), whole: graph.entries.filter(isNeeded) };
}

/** The most senior first, of these the earliest known. */
function cutsOf({ authority }: Known, key: string): readonly ResolvedCut[] {
  const nodes = [...authority.nodes.values()].filter((node) => node.key === key);
  if (nodes.some(({ state }) => state !== "cut")) return [];
  const cuts = new Set(nodes.flatMap(({ cuts: own }) => own));
  return [...cuts].sort((a, b) => a.rank - b.rank || a.index - b.index);
}
