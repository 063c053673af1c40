import { toHex } from "../core/bytes.ts";
import { equalJson } from "../core/json.ts";
import { dismissedPath } from "../core/paths.ts";
import type { PathStanding, PendingAct, VoidAct, VoidCause, VoidState } from "../core/voids.ts";
import type { AuthorityGraph, GraphEntry } from "./authority/graph.ts";
import { type Ender, isKeptBy } from "./authority/frontier.ts";
import type { Authority } from "./authority/resolve.ts";
import type { Chain, ChainLink, LinkWrite } from "./chain.ts";
import type { DesiredState } from "./desired.ts";
import { isLedgerClass } from "./entry/entry.ts";
import type { KeptLedger } from "./prefix.ts";

/** What a replica knows, and what it makes of it. */
export interface Judged {
  readonly graph: AuthorityGraph;
  readonly authority: Authority;
  readonly chains: ReadonlyMap<string, Chain>;
  readonly ledgers: ReadonlyMap<string, KeptLedger>;
  readonly desired: DesiredState;
}

type JudgedAuthority = Pick<Judged, "graph" | "authority">;

/** Everything that is signed and kept and does not count. */
export class Voids {
  /** Oldest first by the writers' clocks. */
  readonly all: readonly VoidAct[];
  readonly #known: Judged;
  /** Unadopted writes, by path. */
  readonly #byPath = new Map<string, VoidAct[]>();
  /** Paths with a value that an operator has put aside. */
  readonly #dismissed = new Set<string>();

  constructor(known: Judged) {
    this.#known = known;
    const voids = [...authorityVoids(known), ...ledgerVoids(known)];
    this.all = voids.sort((a, b) => a.timeMs - b.timeMs || (a.entry < b.entry ? -1 : a.entry > b.entry ? 1 : 0));
    for (const act of this.all) {
      if (act.said.kind !== "write") continue;
      const { path, value } = act.said;
      if (act.state === "unadopted") this.#byPath.set(path, [...(this.#byPath.get(path) ?? []), act]);
      if (act.state === "dismissed" && value !== undefined) this.#dismissed.add(path);
    }
  }

  /** What a path without a value that counts stands for. */
  standing(path: string): PathStanding {
    if (this.at(path).some(({ said }) => said.kind === "write" && said.value !== undefined)) return "void";
    return this.#known.desired.isWritten(path) || this.#dismissed.has(path) ? "removed" : "unwritten";
  }

  /** Unadopted writes at a path. */
  at(path: string): readonly VoidAct[] {
    return this.#byPath.get(path) ?? [];
  }

  /** Acts that nothing but approvals is missing to. */
  pending(): PendingAct[] {
    return listPending(this.#known);
  }
}

function authorityVoids(known: Judged): VoidAct[] {
  const { graph, authority } = known;
  return graph.entries.flatMap((node): VoidAct[] => {
    if (authority.effective.has(node.index) || node.body.type === "unknown") return [];
    const because = authorityCause(known, node);
    if (because === null) return [];
    return [
      {
        entry: node.entry.id,
        log: node.log,
        key: node.key,
        writer: writerOf(known, node.log),
        timeMs: "at" in node.body ? node.body.at : 0,
        said: { kind: "authority", type: node.body.type, body: node.entry.payload },
        because,
        state: stateOfAct(known, node),
      },
    ];
  });
}

/** Null for an entry that nothing but approvals is missing to. */
function authorityCause(known: JudgedAuthority, node: GraphEntry): VoidCause | null {
  const { graph, authority } = known;
  const by = endersOf(known, node);
  if (by.length > 0) return { cause: "cut", by };
  const operator = authority.operators.get(node.log);
  if (operator === undefined && !authority.roleLogs.has(node.log)) {
    const opening = graph.logs.get(node.log)?.opening ?? 0;
    return { cause: "opening", opening: graph.at(opening).entry.id, by: rootCause(known, opening) };
  }
  if (node.body.type === "redeem") return { cause: "token", token: toHex(node.body.token) };
  return node.body.type === "grant" && operator !== undefined && node.body.rank < operator.rank
    ? { cause: "rank" }
    : null;
}

/** The cuts, and withdrawals of role labels, that do not keep an entry of a log that they end: ids, most senior first. */
function endersOf({ graph, authority }: JudgedAuthority, node: GraphEntry): string[] {
  const enders: readonly Ender[] =
    authority.operators.get(node.log)?.enders ?? authority.roleLogs.get(node.log)?.enders ?? [];
  return [...enders]
    .filter((ender) => !isKeptBy(graph, node, ender))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ index }) => graph.at(index).entry.id);
}

/** What ended the log of an entry, or of the entry that opened that log, and so on. */
function rootCause(known: JudgedAuthority, index: number): readonly string[] {
  const { graph, authority } = known;
  for (let at = graph.at(index); at.log !== ""; ) {
    const by = endersOf(known, at);
    if (by.length > 0) return by;
    const opening = graph.logs.get(at.log)?.opening;
    if (opening === undefined || authority.effective.has(at.index)) return [];
    at = graph.at(opening);
  }
  return [];
}

/** What nothing but approvals is missing to, by authority alone. */
export function listPending(known: JudgedAuthority): PendingAct[] {
  const { graph, authority } = known;
  return graph.entries.flatMap((node): PendingAct[] => {
    const operator = authority.operators.get(node.log);
    if (operator === undefined || authority.effective.has(node.index) || node.body.type === "unknown") return [];
    if (authorityCause(known, node) !== null) return [];
    const approvals = [...(authority.approvals.get(node.entry.id) ?? [])].filter((key) => key !== node.key);
    const { id, header } = node.entry;
    return [
      {
        entry: id,
        log: node.log,
        writer: operator.name,
        type: header.type,
        keys: [node.key, ...approvals.sort()],
        need: operator.need.admin,
      },
    ];
  });
}

function writerOf({ authority }: Judged, log: string): string {
  const role = authority.roleLogs.get(log);
  const node = role === undefined ? undefined : authority.nodes.get(role.node);
  return authority.operators.get(log)?.name ?? node?.name ?? "";
}

/** Whether what an act of authority said holds, by somebody else's word. */
function stateOfAct(known: Judged, { entry, body }: GraphEntry): VoidState {
  const { graph, authority } = known;
  const standsFor = (key: Uint8Array) => {
    const hex = toHex(key);
    const isThere = (holder: { readonly key: string; readonly state: string }) =>
      holder.key === hex && holder.state !== "cut";
    return {
      operator: [...authority.operators.values()].some(isThere),
      member: [...authority.nodes.values()].some(isThere),
    };
  };
  const hasRole = (node: Uint8Array, label: string) => authority.nodes.get(toHex(node))?.roles.has(label) === true;
  const holds = (): boolean => {
    switch (body.type) {
      case "grant":
        return standsFor(body.key).operator;
      case "cut":
        return !standsFor(body.key).operator && !standsFor(body.key).member;
      case "enrol":
      case "redeem":
        return standsFor(body.key).member;
      case "role":
        return hasRole(body.node, body.label);
      case "unrole":
        return !hasRole(body.node, body.label);
      case "approve":
        return authority.effective.has(graph.find(toHex(body.entry))?.index ?? -1);
      case "genesis":
      case "token":
      case "checkpoint":
      case "unknown":
        return false;
    }
  };
  if (holds()) return "adopted";
  // Pins of the past are of no use to anybody who signs new ones.
  if (body.type === "checkpoint") return "replaced";
  return isDismissed(known, entry.id) ? "dismissed" : "unadopted";
}

function isDismissed({ desired }: Judged, entry: string): boolean {
  return desired.winner(dismissedPath(entry)) !== undefined;
}

function ledgerVoids(known: Judged): VoidAct[] {
  return [...known.chains.values()]
    .filter((chain) => isLedgerClass(chain.class))
    .sort((a, b) => (a.log < b.log ? -1 : 1))
    .flatMap((chain) => voidsOfLedger(known, chain));
}

function voidsOfLedger(known: Judged, chain: Chain): VoidAct[] {
  const { ledgers } = known;
  const ledger = ledgers.get(chain.log);
  if (ledger?.end.end === "open" && chain.shape === "line") return [];
  const opening = known.graph.logs.get(chain.log)?.opening;
  // A damaged disk may have lost what opened the log, genesis included: until a peer gives it again there is no saying why.
  if (ledger === undefined && opening === undefined) return [];
  const causeOf = ledger === undefined ? unopened(known, opening ?? 0) : causesIn(known, ledger);
  const found = chain.links().flatMap((link) => {
    const because = causeOf(link);
    return because === null ? [] : [{ link, because }];
  });
  const later = laterWrites(found.map(({ link }) => link));
  return found.flatMap(({ link, because }) =>
    link.writes.map((write): VoidAct => {
      const { path, value } = write;
      const isReplaced = later.get(link)?.has(path) === true;
      return {
        entry: write.origin?.entry ?? link.entry.id,
        log: chain.log,
        key: chain.key,
        writer: writerOf(known, chain.log),
        timeMs: (write.origin?.hlc ?? link.entry.header.hlc).ms,
        said: { kind: "write", path, value },
        because,
        state: stateOfWrite(known, link, write, isReplaced),
      };
    }),
  );
}

/** For each link the paths of its own writes at which a link that builds on it writes a value again. */
function laterWrites(links: readonly ChainLink[]): ReadonlyMap<ChainLink, ReadonlySet<string>> {
  const written = new Map<ChainLink, Set<string>>();
  const later = new Map<ChainLink, ReadonlySet<string>>();
  for (const link of links.toReversed()) {
    const [first, ...others] = link.next.flatMap((next) => written.get(next) ?? []);
    // A line hands its set on: only where branches meet is one copied.
    const paths = first ?? new Set<string>();
    for (const other of others) for (const path of other) paths.add(path);
    later.set(link, new Set(link.writes.map(({ path }) => path).filter((path) => paths.has(path))));
    // A void removal hides no void value: neither has happened.
    for (const { path, value } of link.writes) if (value !== undefined) paths.add(path);
    written.set(link, paths);
  }
  return later;
}

function unopened(known: Judged, opening: number): () => VoidCause {
  const by = rootCause(known, opening);
  const because: VoidCause = { cause: "opening", opening: known.graph.at(opening).entry.id, by };
  return () => because;
}

/**
 * Why a link does not count; null if it does, or belongs to a batch that is not whole yet. Links are to be asked for
 * after what they build on.
 */
function causesIn({ graph }: Judged, { links, end, checkpoints }: KeptLedger): (link: ChainLink) => VoidCause | null {
  const idOf = ({ index }: { readonly index: number }) => graph.at(index).entry.id;
  const kept = new Set(links);
  if (end.end === "cut") {
    const bounds = end.cuts.map(({ cut, links: left }) => ({ id: idOf(cut), left: new Set(left) }));
    return (link) => {
      const by = bounds.filter(({ left }) => !left.has(link)).map(({ id }) => id);
      return by.length === 0 ? null : { cause: "cut", by };
    };
  }
  const last = end.end === "fork" ? end.after : null;
  const forked: VoidCause = { cause: "fork", after: last?.entry.id ?? null };
  const branch: VoidCause = { cause: "branch", by: checkpoints.map(idOf) };
  /** Where the branch of a link leaves what counts. */
  const left = new Map<ChainLink, ChainLink | null>();
  return (link) => {
    if (kept.has(link)) return null;
    const { prev } = link;
    const at = prev === null || kept.has(prev) ? prev : (left.get(prev) ?? null);
    left.set(link, at);
    if (end.end === "fork" && at === last) return forked;
    return at !== null && at.next.length < 2 ? null : branch;
  };
}

function stateOfWrite(known: Judged, link: ChainLink, write: LinkWrite, isReplaced: boolean): VoidState {
  const { desired } = known;
  const { path, value } = write;
  const { entry: id, hlc } = write.origin ?? { entry: link.entry.id, hlc: link.entry.header.hlc };
  const standing = desired.winner(path);
  if (desired.isWritten(path) && equalJson(standing?.value, value)) return "adopted";
  if (isReplaced || desired.hasAnswered(path, id, hlc)) return "replaced";
  return isDismissed(known, id) ? "dismissed" : "unadopted";
}
