import { toHex } from "../../core/bytes.ts";
import type { CutBody, UnroleBody } from "./bodies.ts";
import type { AuthorityGraph, GraphEntry } from "./graph.ts";

/** An effective cut of a key. */
export interface ResolvedCut {
  readonly index: number;
  readonly rank: number;
  readonly body: CutBody;
}

/** An effective withdrawal of a role label. */
export interface ResolvedUnrole {
  readonly index: number;
  readonly rank: number;
  readonly body: UnroleBody;
}

/** What ends a log, and how much of it stays. */
export type Ender = ResolvedCut | ResolvedUnrole;

/** What has to be known of a log to say which cuts apply to it. */
export interface Bounded {
  readonly log: string;
  readonly key: string;
  readonly rank: number;
  readonly opening: number;
}

/** Cuts by the key that they end. Others may be added; those that are there act at once. */
export class Cuts {
  readonly all: ResolvedCut[] = [];
  readonly #byKey = new Map<string, ResolvedCut[]>();
  readonly #graph: AuthorityGraph;

  constructor(graph: AuthorityGraph) {
    this.#graph = graph;
  }

  add(cut: ResolvedCut): void {
    const key = toHex(cut.body.key);
    this.all.push(cut);
    const known = this.#byKey.get(key);
    if (known === undefined) this.#byKey.set(key, [cut]);
    else known.push(cut);
  }

  /** `applies` of `trust.md` §4: from a senior, and named or not known to what opened the log. */
  applying({ log, key, rank, opening }: Bounded): readonly ResolvedCut[] {
    const cuts = this.#byKey.get(key);
    if (cuts === undefined) return NONE;
    return cuts.filter((cut) => cut.rank < rank && (names(cut, log) || !isOrWas(this.#graph, cut.index, opening)));
  }
}

const NONE: readonly ResolvedCut[] = [];

/** True if the frontier of `log` is one that the entry draws. */
export function names({ body }: Ender, log: string): boolean {
  return body.keeps.some((keep) => toHex(keep.log) === log);
}

/** `kept` of `trust.md` §4: within the frontier of everything that ends its log. */
export function isKept(graph: AuthorityGraph, node: GraphEntry, enders: readonly Ender[]): boolean {
  return enders.every((ender) => isKeptBy(graph, node, ender));
}

/** An entry is kept if it is one of the tips that the frontier of its log names, or in the past of one. */
export function isKeptBy(graph: AuthorityGraph, node: GraphEntry, { body }: Ender): boolean {
  const keep = body.keeps.find((candidate) => toHex(candidate.log) === node.log);
  return (keep?.a ?? []).some((hash) => {
    const tip = graph.find(toHex(hash));
    return tip !== undefined && (tip === node || graph.isPast(node.index, tip.index));
  });
}

/** `ancestor` is `index` or in its past. */
export function isOrWas(graph: AuthorityGraph, ancestor: number, index: number): boolean {
  return ancestor === index || graph.isPast(ancestor, index);
}
