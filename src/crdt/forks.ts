import type { ForkProof } from "../core/voids.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import type { Authority } from "./authority/resolve.ts";
import type { Chain, ChainLink } from "./chain.ts";
import { CLASS_AUDIT, isLedgerClass } from "./entry/entry.ts";
import type { ObservedState } from "./observed.ts";
import type { KeptLedger } from "./prefix.ts";

/** What a replica knows of writers who contradict themselves. */
export interface Witnessed {
  readonly graph: AuthorityGraph;
  readonly authority: Authority;
  readonly chains: ReadonlyMap<string, Chain>;
  readonly observed: ReadonlyMap<string, ObservedState>;
  readonly ledgers: ReadonlyMap<string, KeptLedger>;
  /** As {@link concurrentLogs} found them: they are the same until authority changes. */
  readonly concurrent: readonly ForkProof[];
}

/** Every writer who signed two things where one had to be, with the proofs (`trust.md` §7). */
export function listForks(known: Witnessed): ForkProof[] {
  const chains = [...known.chains.values()].filter(({ shape }) => shape === "forked");
  const forks = [...chains.map((chain) => forkOfChain(known, chain)), ...forkedReports(known), ...known.concurrent];
  return forks.sort((a, b) => (a.log < b.log ? -1 : a.log > b.log ? 1 : a.of < b.of ? -1 : 1));
}

function forkOfChain(known: Witnessed, chain: Chain): ForkProof {
  const last = chain.main.at(-1);
  const branches: readonly ChainLink[] = last === undefined ? chain.roots : last.next;
  const ledger = known.ledgers.get(chain.log);
  const isSettled = isLedgerClass(chain.class) && ledger !== undefined && ledger.end.end !== "fork";
  return {
    log: chain.log,
    writer: nameOf(known, chain.log),
    of: isLedgerClass(chain.class) ? "desired" : chain.class === CLASS_AUDIT ? "audit" : "unknown",
    seq: (last?.entry.header.seq ?? 0) + 1,
    entries: branches.map(({ entry }) => entry.id).sort(),
    state: isSettled ? "settled" : "frozen",
  };
}

function forkedReports(known: Witnessed): ForkProof[] {
  return [...known.observed].flatMap(([log, observed]): ForkProof[] => {
    if (observed.state !== "forked") return [];
    const [{ header }] = observed.proof;
    const entries = observed.proof.map(({ id }) => id).sort();
    return [{ log, writer: nameOf(known, log), of: "observed", seq: header.seq, entries, state: "frozen" }];
  });
}

/** Operators' logs with entries that do not know each other: no crime, and worth a look. */
export function concurrentLogs(known: Pick<Witnessed, "graph" | "authority">): ForkProof[] {
  const { graph, authority } = known;
  const tips = new Map<string, string[]>();
  const lines = new Map<string, { readonly index: number; readonly id: string }[]>();
  for (const { index, log, entry } of graph.entries) {
    if (!authority.operators.has(log)) continue;
    const ends = lines.get(log) ?? [];
    const open = ends.filter((end) => !graph.isPast(end.index, index));
    // A new end beside an old one: since their common past the log has had two hands, or one that forgot.
    if (open.length > 0) tips.set(log, [...open.map(({ id }) => id), entry.id]);
    lines.set(log, [...open, { index, id: entry.id }]);
  }
  return [...tips].map(([log, entries]) => {
    return { log, writer: nameOf(known, log), of: "authority", seq: 0, entries: entries.sort(), state: "concurrent" };
  });
}

function nameOf({ authority }: Pick<Witnessed, "authority">, log: string): string {
  return (authority.operators.get(log) ?? authority.nodes.get(log))?.name ?? "";
}
