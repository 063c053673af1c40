import { concat, toHex } from "../core/bytes.ts";
import { encode, type Plain } from "../core/encoding.ts";
import type { Hlc } from "../core/hlc.ts";
import type { Keys } from "../core/ports/keys.ts";
import { serverAttributePath, serverLabelPath } from "../core/paths.ts";
import type { Node, View } from "../core/view.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import type { Authority, NodeRecord, OperatorLog } from "./authority/resolve.ts";
import { type Chain, type ChainLink, completeBatches, pathTo } from "./chain.ts";
import { DesiredState } from "./desired.ts";
import { CLASS_DESIRED } from "./entry/entry.ts";

/** What is folded, as a replica holds it. */
export interface Foldable {
  readonly mesh: Uint8Array;
  readonly graph: AuthorityGraph;
  readonly authority: Authority;
  readonly revision: number;
  readonly newest: Hlc;
  chain(log: string, chainClass: number): Chain | undefined;
}

/** A ledger that counts, and the cuts of its writer that it knows nothing of. */
interface Kept {
  readonly log: string;
  readonly cuts: readonly Cut[];
}

interface Cut {
  readonly last: { readonly seq: number; readonly hash: string } | null;
}

/** What follows from authority alone, and is the same until that changes. */
interface Standing {
  readonly of: Authority;
  readonly view: AuthorityView;
  readonly kept: readonly Kept[];
  /** Labels of nodes, as of some number of writes about the node. */
  readonly labels: Map<string, { readonly writes: number; readonly labels: readonly string[] }>;
}

/**
 * Turns a replica into its {@link View}. Goes on from the last one where ledgers have only grown; where a cut or a
 * fork took something away it folds everything anew, so that both ways give the same.
 */
export class Fold {
  #desired = new DesiredState();
  /** How much of each ledger is folded, and the entry that it ended with. */
  #applied = new Map<string, { count: number; last: string }>();
  #standing: Standing | null = null;

  get desired(): DesiredState {
    return this.#desired;
  }

  view(replica: Foldable): View {
    const { authority } = replica;
    if (this.#standing?.of !== authority) this.#standing = standingOf(replica, authority);
    const ledgers = this.#standing.kept.map(({ log, cuts }) => [log, keptLinks(replica, log, cuts)] as const);
    if (!this.#continues(new Map(ledgers))) {
      this.#desired = new DesiredState();
      this.#applied = new Map();
      this.#standing.labels.clear();
    }
    for (const [log, links] of ledgers) {
      const from = this.#applied.get(log)?.count ?? 0;
      for (let i = from; i < links.length; i++) this.#desired.apply(log, links[i] as ChainLink);
      if (links.length > from) this.#applied.set(log, { count: links.length, last: links.at(-1)?.entry.id as string });
    }
    return buildView(replica, this.#standing, this.#desired);
  }

  #continues(ledgers: ReadonlyMap<string, readonly ChainLink[]>): boolean {
    for (const [log, { count, last }] of this.#applied) {
      if (ledgers.get(log)?.[count - 1]?.entry.id !== last) return false;
    }
    return true;
  }

  /** Authority tips, ledger frontiers and the winners that follow from them. */
  stateHash(replica: Foldable, keys: Pick<Keys, "hash">): Uint8Array {
    const tips = replica.graph.tips.map((tip) => tip.entry.id).sort();
    const frontiers = [...this.#applied].map(([log, { count, last }]) => [log, count, last]).sort(byFirst);
    const front = concat(encode(tips), encode(frontiers as Plain));
    return keys.hash(this.#desired.winners.encodedBehind(front));
  }
}

function byFirst(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}

function standingOf(replica: Foldable, authority: Authority): Standing {
  const logs = [...authority.operators.values()].filter((operator) => operator.rights.has("ops"));
  const kept = logs
    .sort((a, b) => (a.log < b.log ? -1 : 1))
    .map((operator) => ({ log: operator.log, cuts: cutsOf(replica, authority, operator) }));
  return { of: authority, view: buildAuthorityView(replica, authority), kept, labels: new Map() };
}

/** The prefix rule of `trust.md` §5 for every desired ledger whose log is known and has `ops`. */
function cutsOf(replica: Foldable, authority: Authority, operator: OperatorLog): Cut[] {
  const cuts = authority.cuts.filter(({ index, rank, body }) => {
    if (toHex(body.key) !== operator.key || rank >= operator.rank) return false;
    const named = body.keeps.some((keep) => toHex(keep.log) === operator.log);
    return named || !(index === operator.opening || replica.graph.isPast(index, operator.opening));
  });
  return cuts.map(({ body }) => {
    const last = body.keeps.find((keep) => toHex(keep.log) === operator.log)?.l ?? null;
    return { last: last === null ? null : { seq: last.seq, hash: toHex(last.hash) } };
  });
}

function keptLinks(replica: Foldable, log: string, cuts: readonly Cut[]): readonly ChainLink[] {
  const chain = replica.chain(log, CLASS_DESIRED);
  if (chain === undefined) return [];
  if (cuts.length === 0) return completeBatches(chain.main);
  const chains = cuts.map(({ last }): readonly ChainLink[] => {
    const link = last === null ? undefined : chain.find(last.hash);
    return link === undefined || link.entry.header.seq !== last?.seq ? [] : pathTo(link);
  });
  return completeBatches(chains.reduce(commonPrefix));
}

function commonPrefix(a: readonly ChainLink[], b: readonly ChainLink[]): readonly ChainLink[] {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

const STANDING = { cut: 0, suspended: 1, active: 2 } as const;

/** The part of a view that follows from authority alone, and is the same until that changes. */
type AuthorityView = Pick<
  View,
  "mesh" | "meshName" | "nodes" | "operators" | "tokens" | "recovery" | "nodeByKey" | "nodeByName" | "holders"
>;

function buildAuthorityView(replica: Foldable, authority: Authority): AuthorityView {
  const nodes = new Map<string, Node>();
  const byKey = new Map<string, Node>();
  const byName = new Map<string, Node>();
  for (const record of [...authority.nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const node = toNode(record);
    nodes.set(node.id, node);
    // A key that was cut and let in again is what it is now.
    const known = byKey.get(node.key);
    if (known === undefined || STANDING[node.state] > STANDING[known.state]) byKey.set(node.key, node);
    if (node.naming === "owned" && (node.state === "active" || !byName.has(node.name))) byName.set(node.name, node);
  }
  const genesis = replica.graph.entries[0]?.body;
  const holders = new Map<string, Node[]>();
  for (const node of nodes.values()) {
    for (const role of node.state === "active" ? node.roles : []) {
      holders.set(role, [...(holders.get(role) ?? []), node]);
    }
  }
  return {
    mesh: toHex(replica.mesh),
    meshName: genesis?.type === "genesis" ? genesis.name : "",
    nodes,
    operators: [...authority.operators.values()]
      .filter((operator) => operator.rank > 0)
      .sort((a, b) => a.rank - b.rank || (a.log < b.log ? -1 : 1))
      .map(({ log, key, name, rank, rights, state }) => ({ log, key, name, rank, rights: [...rights], state })),
    tokens: [...authority.tokens.values()]
      .sort((a, b) => (a.hash < b.hash ? -1 : 1))
      .map(({ id, hash, body, redeemedBy }) => ({
        id,
        entry: hash,
        secretHash: toHex(body.secretHash),
        name: body.name,
        labels: body.labels,
        roles: body.roles,
        issuer: toHex(body.issuer),
        notBeforeMs: body.nbf,
        expiresMs: body.exp,
        redeemedBy,
      })),
    recovery: genesis?.type === "genesis" ? genesis.recovery : null,
    nodeByKey: (key) => byKey.get(key),
    nodeByName: (name) => byName.get(name),
    holders: (role) => holders.get(role) ?? [],
  };
}

function buildView(replica: Foldable, standing: Standing, desired: DesiredState): View {
  const { of: authority, labels } = standing;
  return {
    ...standing.view,
    revision: replica.revision,
    newest: replica.newest,
    roleLog: (id, role) => {
      const open = [...authority.roleLogs].filter(
        ([, log]) => log.node === id && log.label === role && log.state === "live",
      );
      return open.map(([log]) => log).sort()[0];
    },
    labelsOf: (id) => {
      const writes = desired.writesAbout(id);
      let known = labels.get(id);
      if (known?.writes !== writes) {
        known = { writes, labels: labelsOf(authority.nodes.get(id), desired) };
        labels.set(id, known);
      }
      return known.labels;
    },
    attributeOf: (id, attribute) => {
      const path = serverAttributePath(id, attribute);
      const written = desired.winner(path)?.value;
      if (typeof written === "string") return written;
      return desired.isWritten(path) ? undefined : authority.nodes.get(id)?.attributes[attribute];
    },
    desired: (path) => desired.winner(path),
    isWritten: (path) => desired.isWritten(path),
    desiredUnder: (prefix) => desired.winners.under(prefix),
    mark: desired.mark,
    changedSince: (mark) => desired.changedSince(mark),
    conflicts: () => desired.conflicts(),
  };
}

function toNode(record: NodeRecord): Node {
  return {
    id: record.id,
    key: record.key,
    seal: record.seal,
    name: record.name,
    naming: record.naming,
    state: record.state,
    roles: record.roles,
    how: record.how,
    enrolledAtMs: record.at,
  };
}

/** What the token brought, as far as nobody wrote about it, what ledgers say, and the role labels. */
function labelsOf(record: NodeRecord | undefined, desired: DesiredState): readonly string[] {
  if (record === undefined) return [];
  const labels = new Set<string>(record.roles);
  for (const label of record.labels) if (!desired.isWritten(serverLabelPath(record.id, label))) labels.add(label);
  const prefix = serverLabelPath(record.id, "");
  for (const path of desired.serverPaths(record.id)) {
    if (path.startsWith(prefix) && desired.winner(path)?.value === true) labels.add(path.slice(prefix.length));
  }
  return [...labels].sort();
}
