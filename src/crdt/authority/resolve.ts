import { toHex } from "../../core/bytes.ts";
import type {
  CutBody,
  EnrolBody,
  GrantBody,
  Need,
  RedeemBody,
  Right,
  RoleBody,
  TokenBody,
  UnroleBody,
} from "./bodies.ts";
import { genesisLog, redeemedNodeLog, rootLog } from "./identifiers.ts";
import type { AuthorityGraph, GraphEntry, OpenedLog } from "./graph.ts";
import type { Keys } from "../../core/ports/keys.ts";

/** One operator log: one key, one rank, one set of rights, for its whole life. */
export interface OperatorLog {
  readonly log: string;
  readonly key: string;
  readonly name: string;
  /** Root 0, founders 1, others below: a larger number is less power. */
  readonly rank: number;
  readonly rights: ReadonlySet<Right>;
  readonly need: Need;
  readonly opening: number;
  /** - `live`: writes count · `cut`: only the kept prefix counts */
  readonly state: "live" | "cut";
}

/**
 * - `active`: a member
 * - `cut`: removed by an operator
 * - `suspended`: another key redeemed the same token, and no operator's entry tells who was first
 */
export type NodeState = "active" | "cut" | "suspended";

export interface NodeRecord {
  /** Hex of the node's log: its identity for everything that is said about it. */
  readonly id: string;
  readonly key: string;
  readonly seal: string;
  readonly name: string;
  /** - `owned` · `contested`: another node has the name with equal right, so nobody gets anything new by it */
  readonly naming: "owned" | "contested";
  readonly state: NodeState;
  readonly roles: ReadonlySet<string>;
  /** Labels and attributes that came with the token. */
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly how: "enrol" | "token";
  /** Milliseconds as the writer's clock said; shown, never decided on. */
  readonly at: number;
  readonly opening: number;
}

export interface TokenRecord {
  readonly hash: string;
  readonly id: string;
  readonly body: TokenBody;
  readonly redeemedBy: readonly string[];
}

export interface ResolvedCut {
  readonly index: number;
  readonly rank: number;
  readonly body: CutBody;
}

/** Everything that the authority entries mean. A function of their set: no clock, no order of arrival (`trust.md` §1). */
export interface Authority {
  readonly operators: ReadonlyMap<string, OperatorLog>;
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  readonly tokens: ReadonlyMap<string, TokenRecord>;
  /** Role logs that are open, by log: which node, which label, and whether its entries still count. */
  readonly roleLogs: ReadonlyMap<string, { node: string; label: string; key: string; state: "live" | "cut" }>;
  readonly cuts: readonly ResolvedCut[];
  readonly effective: ReadonlySet<number>;
}

/** The rank of nodes and roles: below all operators. */
const NODE_RANK = Number.POSITIVE_INFINITY;

interface LogInfo extends Omit<OperatorLog, "state"> {}

/** Resolution by rank, `trust.md` §4, in its words and order. */
export function resolve(graph: AuthorityGraph, keys: Pick<Keys, "hash">): Authority {
  const logs = new Map<string, LogInfo>();
  const effective = new Set<number>();
  const cuts: ResolvedCut[] = [];
  const approvals = new Map<string, Set<string>>();
  const entriesByLog = groupByLog(graph);
  const ranks = new Set<number>();

  const genesis = graph.entries[0];
  if (genesis?.body.type !== "genesis") return emptyAuthority();
  effective.add(genesis.index);
  const open = (info: LogInfo): void => {
    logs.set(info.log, info);
    ranks.add(info.rank);
  };
  const all: ReadonlySet<Right> = new Set(["admin", "ops", "destroy"]);
  for (const founder of genesis.body.founders) {
    const log = toHex(genesisLog(keys, genesis.entry.hash, founder.key));
    open({
      log,
      key: toHex(founder.key),
      name: founder.name,
      rank: 1,
      rights: new Set(founder.rights),
      need: founder.need,
      opening: 0,
    });
  }
  for (const key of genesis.body.root.keys) {
    const log = toHex(rootLog(keys, genesis.entry.hash, key));
    const need = { admin: genesis.body.root.k, destroy: genesis.body.root.k };
    open({ log, key: toHex(key), name: "root", rank: 0, rights: all, need, opening: 0 });
  }

  const keep = keeper(graph, cuts);
  for (let rank = smallest(ranks); rank !== null; rank = smallest(ranks)) {
    for (let changed = true; changed; ) {
      changed = false;
      for (const info of [...logs.values()].filter((log) => log.rank === rank && log.rights.has("admin"))) {
        for (const node of entriesByLog.get(info.log) ?? []) {
          if (effective.has(node.index) || !keep.keeps(node, info)) continue;
          const { body } = node;
          if (body.type !== "approve") {
            const keysBehind = new Set(approvals.get(node.entry.id)).add(node.key);
            if (keysBehind.size < info.need.admin) continue;
          }
          if (body.type === "grant" && body.rank < rank) continue;
          effective.add(node.index);
          changed = true;
          if (body.type === "grant") open(grantedLog(node, body));
          if (body.type === "approve") {
            const id = toHex(body.entry);
            approvals.set(id, (approvals.get(id) ?? new Set()).add(node.key));
          }
        }
      }
    }
    for (const index of effective) {
      const node = graph.at(index);
      if (node.body.type === "cut" && logs.get(node.log)?.rank === rank) cuts.push({ index, rank, body: node.body });
    }
    ranks.delete(rank);
  }

  const operators = new Map<string, OperatorLog>();
  for (const info of logs.values()) operators.set(info.log, { ...info, state: keep.isLive(info) ? "live" : "cut" });
  return { operators, cuts, effective, ...resolveNodes(graph, keys, { logs, effective, cuts, entriesByLog }) };
}

function emptyAuthority(): Authority {
  return {
    operators: new Map(),
    nodes: new Map(),
    tokens: new Map(),
    roleLogs: new Map(),
    cuts: [],
    effective: new Set(),
  };
}

function groupByLog(graph: AuthorityGraph): Map<string, GraphEntry[]> {
  const groups = new Map<string, GraphEntry[]>();
  for (const node of graph.entries) {
    const group = groups.get(node.log);
    if (group === undefined) groups.set(node.log, [node]);
    else group.push(node);
  }
  return groups;
}

function smallest(ranks: ReadonlySet<number>): number | null {
  return ranks.size === 0 ? null : Math.min(...ranks);
}

function grantedLog(node: GraphEntry, body: GrantBody): LogInfo {
  return {
    log: node.entry.id,
    key: toHex(body.key),
    name: body.name,
    rank: body.rank,
    rights: new Set(body.rights),
    need: body.need,
    opening: node.index,
  };
}

interface Bounded {
  readonly log: string;
  readonly key: string;
  readonly rank: number;
  readonly opening: number;
}

/** `applies` and `kept` of `trust.md` §4 over the cuts found so far. */
function keeper(graph: AuthorityGraph, cuts: readonly ResolvedCut[]) {
  const applying = (log: Bounded): ResolvedCut[] =>
    cuts.filter(({ index, rank, body }) => {
      if (toHex(body.key) !== log.key || rank >= log.rank) return false;
      return body.keeps.some((keep) => toHex(keep.log) === log.log) || !isOrWas(graph, index, log.opening);
    });
  return {
    applying,
    isLive: (log: Bounded): boolean => applying(log).length === 0,
    keeps: (node: GraphEntry, log: Bounded): boolean =>
      applying(log).every(({ body }) => {
        const keep = body.keeps.find((candidate) => toHex(candidate.log) === log.log);
        return keptBy(graph, node, keep?.a ?? null);
      }),
  };
}

/** An entry is kept if it is one of the tips that a frontier names, or in the past of one. */
function keptBy(graph: AuthorityGraph, node: GraphEntry, tips: readonly Uint8Array[] | null): boolean {
  return (tips ?? []).some((hash) => {
    const tip = graph.find(toHex(hash));
    return tip !== undefined && (tip === node || graph.isPast(node.index, tip.index));
  });
}

/** `ancestor` is `index` or in its past. */
function isOrWas(graph: AuthorityGraph, ancestor: number, index: number): boolean {
  return ancestor === index || graph.isPast(ancestor, index);
}

/** The lowest by hash of those that have no other in their past. (Pairwise "by cause, else by hash" has cycles.) */
function firstOf(graph: AuthorityGraph, entries: readonly GraphEntry[]): GraphEntry {
  const first = entries.filter((entry) => !entries.some((other) => graph.isPast(other.index, entry.index)));
  return first.reduce((a, b) => (a.entry.id < b.entry.id ? a : b));
}

interface OperatorPlane {
  readonly logs: ReadonlyMap<string, LogInfo>;
  readonly effective: Set<number>;
  readonly cuts: readonly ResolvedCut[];
  readonly entriesByLog: ReadonlyMap<string, readonly GraphEntry[]>;
}

interface OpenNode {
  readonly id: string;
  readonly key: string;
  /** The enrol entry, or the redemptions of one token by one key. */
  readonly entries: readonly GraphEntry[];
  /** Of several redemptions that of the first. */
  readonly body: EnrolBody | RedeemBody;
  /** What a cut must lie in the past of to count as known: the enrol entry or the token. */
  readonly opening: number;
  readonly openerRank: number;
  readonly token: TokenBody | null;
}

function resolveNodes(
  graph: AuthorityGraph,
  keys: Pick<Keys, "hash">,
  plane: OperatorPlane,
): Pick<Authority, "nodes" | "tokens" | "roleLogs"> {
  const { logs, effective, cuts, entriesByLog } = plane;
  const keep = keeper(graph, cuts);
  const rankOf = (node: GraphEntry): number => logs.get(node.log)?.rank ?? NODE_RANK;
  const ofType = <T extends GraphEntry["body"]["type"]>(type: T) =>
    [...effective].map((index) => graph.at(index)).filter((node) => node.body.type === type);
  const unroles = ofType("unrole").map((node) => ({ node, body: node.body as UnroleBody }));

  const open = new Map<string, OpenNode>();
  for (const node of ofType("enrol")) {
    const body = node.body as EnrolBody;
    open.set(node.entry.id, {
      id: node.entry.id,
      key: toHex(body.key),
      entries: [node],
      body,
      opening: node.index,
      openerRank: rankOf(node),
      token: null,
    });
  }

  // A role log is known if what opened it is effective; it is cut by a cut of its node's key or by an unrole.
  const roleState = (log: string, opened: OpenedLog): ((node: GraphEntry) => boolean) | null => {
    if (opened.kind !== "role" || !open.has(opened.node) || !effective.has(opened.opening)) return null;
    const granted = opened.opening;
    const byCut = keep.applying({ log, key: opened.key, rank: NODE_RANK, opening: granted });
    const byUnrole = unroles.filter(({ node: u, body }) => {
      if (toHex(body.node) !== opened.node || body.label !== opened.label) return false;
      return body.keeps.some((k) => toHex(k.log) === log) || !isOrWas(graph, u.index, granted);
    });
    const frontiers = [...byCut, ...byUnrole].map(
      ({ body }) => body.keeps.find((candidate) => toHex(candidate.log) === log)?.a ?? null,
    );
    return (entry) => frontiers.every((tips) => keptBy(graph, entry, tips));
  };

  // Redemptions can open coordinators that redeem in turn: until nothing changes. Only grows.
  for (let changed = true; changed; ) {
    changed = false;
    for (const [log, opened] of graph.logs) {
      const keeps = roleState(log, opened);
      if (keeps === null) continue;
      for (const node of entriesByLog.get(log) ?? []) {
        if (node.body.type !== "redeem" || effective.has(node.index) || !keeps(node)) continue;
        const token = graph.find(toHex(node.body.token));
        if (token?.body.type !== "token" || !effective.has(token.index)) continue;
        effective.add(node.index);
        changed = true;
        const id = toHex(redeemedNodeLog(keys, node.body.token, node.body.key));
        const entries = [...(open.get(id)?.entries ?? []), node];
        open.set(id, {
          id,
          key: toHex(node.body.key),
          entries,
          body: firstOf(graph, entries).body as RedeemBody,
          opening: token.index,
          openerRank: rankOf(token),
          token: token.body,
        });
      }
    }
  }

  const operatorEntries = [...effective].map((index) => graph.at(index)).filter((node) => logs.has(node.log));
  const knows = (node: GraphEntry, x: OpenNode) => x.entries.some((entry) => isOrWas(graph, entry.index, node.index));
  /** Rank of the most senior effective operator entry that knows x and not y. */
  const witness = (x: OpenNode, y: OpenNode): number => {
    const ranks = operatorEntries.filter((node) => knows(node, x) && !knows(node, y)).map(rankOf);
    return ranks.reduce((best, rank) => Math.min(best, rank), NODE_RANK);
  };

  const nodes = new Map<string, NodeRecord>();
  const rolesOf = groupBy(ofType("role"), (role) => toHex((role.body as RoleBody).node));
  const everNamed = groupBy([...open.values()], (node) => node.body.name);
  const redeemers = groupBy(
    [...open.values()].filter((node) => node.body.type === "redeem"),
    (node) => toHex((node.body as RedeemBody).token),
  );
  const stateOf = (node: OpenNode): NodeState => {
    const cut = keep.applying({ log: node.id, key: node.key, rank: NODE_RANK, opening: node.opening }).length > 0;
    if (cut) return "cut";
    if (node.body.type !== "redeem") return "active";
    const rivals = (redeemers.get(toHex(node.body.token)) ?? []).filter((other) => other.key !== node.key);
    const wins = rivals.every((rival) => witness(node, rival) < witness(rival, node));
    return wins ? "active" : "suspended";
  };
  const owns = (node: OpenNode): boolean =>
    (everNamed.get(node.body.name) ?? []).every((other) => {
      if (other === node) return true;
      const cutBefore = keep
        .applying({ log: other.id, key: other.key, rank: NODE_RANK, opening: other.opening })
        .some(({ index }) => isOrWas(graph, index, node.opening));
      if (cutBefore || node.openerRank < other.openerRank) return true;
      return (
        node.openerRank === other.openerRank && witness(node, other) < NODE_RANK && witness(other, node) === NODE_RANK
      );
    });

  for (const node of open.values()) {
    const state = stateOf(node);
    const roles = new Set<string>();
    if (state === "active") {
      const granted = (label: string, index: number): boolean =>
        unroles.every(
          ({ node: u, body }) => toHex(body.node) !== node.id || body.label !== label || isOrWas(graph, u.index, index),
        );
      for (const label of node.token?.roles ?? []) if (granted(label, node.opening)) roles.add(label);
      for (const role of rolesOf.get(node.id) ?? []) {
        const { label } = role.body as RoleBody;
        if (granted(label, role.index)) roles.add(label);
      }
    }
    nodes.set(node.id, {
      id: node.id,
      key: node.key,
      seal: node.body.seal,
      name: node.body.name,
      naming: owns(node) ? "owned" : "contested",
      state,
      roles: new Set([...roles].sort()),
      labels: node.token?.labels ?? [],
      attributes: node.token?.attributes ?? {},
      how: node.body.type === "enrol" ? "enrol" : "token",
      at: node.body.at,
      opening: node.opening,
    });
  }

  const tokens = new Map<string, TokenRecord>();
  for (const node of ofType("token")) {
    const body = node.body as TokenBody;
    const redeemedBy = (redeemers.get(node.entry.id) ?? []).map((redeemer) => redeemer.id).sort();
    tokens.set(node.entry.id, { hash: node.entry.id, id: toHex(body.id), body, redeemedBy });
  }
  const roleLogs = new Map<string, { node: string; label: string; key: string; state: "live" | "cut" }>();
  for (const [log, opened] of graph.logs) {
    if (opened.kind !== "role" || roleState(log, opened) === null) continue;
    const record = nodes.get(opened.node);
    const ended =
      record?.state !== "active" ||
      unroles.some(
        ({ node: u, body }) =>
          toHex(body.node) === opened.node && body.label === opened.label && !isOrWas(graph, u.index, opened.opening),
      );
    roleLogs.set(log, { node: opened.node, label: opened.label, key: opened.key, state: ended ? "cut" : "live" });
  }
  return { nodes, tokens, roleLogs };
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
