import { type Authority, cutsOf, resolveAuthority } from "./authority.ts";
import type { Graph } from "./graph.ts";
import type { Key, LogId } from "./history.ts";
import { fold, type Ledger, type Path, resolveLedgers, unadopted } from "./ledgers.ts";
import { type Node, resolveNodes } from "./nodes.ts";

export interface Operator {
  readonly log: LogId;
  readonly key: Key;
  readonly rank: number;
  /** `live(L)`: no effective cut applies. */
  readonly live: boolean;
}

/** Everything that a set of entries means. */
export interface View {
  readonly authority: Authority;
  readonly operators: readonly Operator[];
  readonly nodes: readonly Node[];
  readonly ledgers: readonly Ledger[];
  readonly paths: readonly Path[];
  /** Paths where a value is void, and no operator has said yet what is to become of it. */
  readonly unadopted: ReadonlySet<string>;
}

export function resolve(graph: Graph): View {
  const authority = resolveAuthority(graph);
  const ledgers = resolveLedgers(graph, authority);
  return {
    authority,
    operators: [...graph.logs.values()]
      .filter(({ kind, id }) => kind === "operator" && authority.known.has(id))
      .map((log) => {
        return { log: log.id, key: log.key, rank: log.rank, live: cutsOf(graph, authority, log).length === 0 };
      }),
    nodes: resolveNodes(graph, authority),
    ledgers,
    paths: fold(ledgers),
    unadopted: new Set(unadopted(graph, ledgers).map(({ path }) => path)),
  };
}
