import { concat, toHex } from "../core/bytes.ts";
import { encode, type Plain } from "../core/encoding.ts";
import type { Hlc } from "../core/hlc.ts";
import type { Keys } from "../core/ports/keys.ts";
import { serverAttributePath, serverLabelPath } from "../core/paths.ts";
import type { Node, View } from "../core/view.ts";
import type { ForkProof } from "../core/voids.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import type { NodeRecord } from "./authority/nodes.ts";
import type { Authority } from "./authority/resolve.ts";
import type { Chain, ChainLink } from "./chain.ts";
import { departuresOf } from "./departures.ts";
import { DesiredState } from "./desired.ts";
import { MAX_OVER } from "./ledger/update-codec.ts";
import { concurrentLogs, listForks } from "./forks.ts";
import type { ObservedState } from "./observed.ts";
import { type KeptLedger, keptLedger, type LedgerBounds, ledgerBounds } from "./prefix.ts";
import { type Judged, Voids } from "./voids.ts";

/** What is folded, as a replica holds it. */
export interface Foldable {
  readonly mesh: Uint8Array;
  readonly graph: AuthorityGraph;
  readonly authority: Authority;
  readonly revision: number;
  readonly newest: Hlc;
  readonly chains: ReadonlyMap<string, Chain>;
  readonly observed: ReadonlyMap<string, ObservedState>;
  /** False while none of the chains and reports has forked. */
  readonly wasForked: boolean;
  chain(log: string, chainClass: number): Chain | undefined;
}

/** What follows from authority alone, and is the same until that changes. */
interface Standing {
  readonly of: Authority;
  readonly view: AuthorityView;
  readonly bounds: readonly LedgerBounds[];
  /** Encoded ids of the authority entries without successor, ascending. */
  readonly tips: Uint8Array;
  /** Labels of nodes, as of some number of writes about the node. */
  readonly labels: Map<string, { readonly writes: number; readonly labels: readonly string[] }>;
  readonly concurrent: () => readonly ForkProof[];
}

/**
 * Turns a replica into its {@link View}. Goes on from the last one: takes back what a cut or a fork took away, and
 * folds what has come. Both ways give the same.
 */
export class Fold {
  readonly #desired = new DesiredState();
  /** How much of each ledger is folded; the list may have grown since. */
  readonly #applied = new Map<string, { readonly links: readonly ChainLink[]; readonly count: number }>();
  #standing: Standing | null = null;
  #ledgers: ReadonlyMap<string, KeptLedger> = new Map();

  /** Desired ledgers as far as they count, by log. */
  get ledgers(): ReadonlyMap<string, KeptLedger> {
    return this.#ledgers;
  }

  get desired(): DesiredState {
    return this.#desired;
  }

  view(replica: Foldable): View {
    const { authority } = replica;
    if (this.#standing?.of !== authority) this.#standing = standingOf(replica, authority);
    const ledgers = keptLedgers(replica, this.#standing.bounds);
    this.#ledgers = ledgers;
    for (const log of [...this.#applied.keys()]) if (!ledgers.has(log)) this.#follow(log, []);
    for (const [log, { links }] of ledgers) this.#follow(log, links);
    return buildView(replica, this.#standing, { ledgers, desired: this.#desired });
  }

  /** Makes what is folded of a ledger be these links. */
  #follow(log: string, links: readonly ChainLink[]): void {
    const applied = this.#applied.get(log) ?? { links: [], count: 0 };
    if (applied.links === links && applied.count === links.length) return;
    const common = commonLength(applied.links, links, Math.min(applied.count, links.length));
    for (let i = applied.count - 1; i >= common; i--) this.#desired.retract(log, applied.links[i] as ChainLink);
    for (let i = common; i < links.length; i++) this.#desired.apply(log, links[i] as ChainLink);
    if (links.length === 0) this.#applied.delete(log);
    else this.#applied.set(log, { links, count: links.length });
  }

  /** Authority tips, ledger frontiers and the winners that follow from them. */
  stateHash(replica: Foldable, keys: Pick<Keys, "hash">): Uint8Array {
    const { tips } = this.#standing ?? standingOf(replica, replica.authority);
    const frontiers = [...this.#applied]
      .map(([log, { links, count }]) => {
        const { header, id } = (links[count - 1] as ChainLink).entry;
        return [log, header.seq, id] as const;
      })
      .sort(byFirst);
    return keys.hash(concat(tips, encode(frontiers as Plain), this.#desired.winners.digest(keys)));
  }
}

/** How many links two paths from the beginning of one ledger share. Where they have parted they do not meet again. */
function commonLength(a: readonly ChainLink[], b: readonly ChainLink[], limit: number): number {
  let [low, high] = [0, limit];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (a[middle - 1] === b[middle - 1]) low = middle;
    else high = middle - 1;
  }
  return low;
}

function byFirst(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}

function standingOf(replica: Foldable, authority: Authority): Standing {
  const bounds = ledgerBounds(authority);
  const tips = encode(replica.graph.tips.map((tip) => tip.entry.id).sort());
  const concurrent = onDemand(() => concurrentLogs({ graph: replica.graph, authority }));
  return { of: authority, view: buildAuthorityView(replica, authority), bounds, tips, labels: new Map(), concurrent };
}

/** The ledgers of `bounds` that are here, as far as they count. */
export function keptLedgers(
  known: Pick<Foldable, "graph" | "chain">,
  bounds: readonly LedgerBounds[],
): Map<string, KeptLedger> {
  const kept = new Map<string, KeptLedger>();
  for (const bound of bounds) {
    const chain = known.chain(bound.log, bound.class);
    if (chain !== undefined) kept.set(bound.log, keptLedger(known.graph, bound, chain));
  }
  return kept;
}

/** Spares looking through all that a mesh knows for what is hardly ever there. */
const NOTHING_FORKED: Pick<Foldable, "chains" | "observed"> = { chains: new Map(), observed: new Map() };

const STANDING = { cut: 0, suspended: 1, active: 2 } as const;

/** The part of a view that follows from authority alone, and is the same until that changes. */
type AuthorityView = Pick<
  View,
  | "mesh"
  | "meshName"
  | "nodes"
  | "operators"
  | "tokens"
  | "recovery"
  | "departures"
  | "nodeByKey"
  | "nodeByName"
  | "holders"
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
        madeAtMs: body.at,
        notBeforeMs: body.nbf,
        expiresMs: body.exp,
        redeemedBy,
      })),
    recovery: genesis?.type === "genesis" ? genesis.recovery : null,
    departures: onDemand(() => departuresOf(replica.graph, authority)),
    nodeByKey: (key) => byKey.get(key),
    nodeByName: (name) => byName.get(name),
    holders: (role) => holders.get(role) ?? [],
  };
}

function buildView(
  replica: Foldable,
  standing: Standing,
  { ledgers, desired }: Pick<Judged, "ledgers" | "desired">,
): View {
  const { of: authority, labels } = standing;
  const { graph, chains, observed } = replica;
  const voids = onDemand(() => new Voids({ graph, authority, chains, ledgers, desired }));
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
    writesAt: (path) => desired.writesAt(path),
    desiredUnder: (prefix) => desired.winners.under(prefix),
    mark: desired.mark,
    changedSince: (mark) => desired.changedSince(mark),
    conflicts: () => desired.conflicts(),
    standing: (path) => (desired.winner(path) === undefined ? voids().standing(path) : "set"),
    othersAt: (path, log) => {
      const unadopted = voids()
        .at(path)
        .map(({ entry }) => entry);
      return [...desired.othersAt(path, log), ...unadopted].slice(0, MAX_OVER);
    },
    voids: () => voids().all,
    voidsAt: (path) => voids().at(path),
    pending: () => voids().pending(),
    forks: () => {
      const looked = replica.wasForked ? { chains, observed } : NOTHING_FORKED;
      return listForks({ ...looked, graph, authority, ledgers, concurrent: standing.concurrent() });
    },
  };
}

/** The value of `make`, made when somebody first asks. */
function onDemand<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
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
