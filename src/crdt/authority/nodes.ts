import { toHex } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { recurringHex } from "../../core/recurring-hex.ts";
import type { EnrolBody, RedeemBody, RoleBody, TokenBody, UnroleBody } from "./bodies.ts";
import { type Ender, isKept, isOrWas, names, type ResolvedCut, type ResolvedUnrole } from "./frontier.ts";
import type { AuthorityGraph, GraphEntry, OpenedLog } from "./graph.ts";
import { redeemedNodeLog } from "./identifiers.ts";
import type { OperatorPlane } from "./operators.ts";

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
  /** What removed it; none unless its state is `cut`. */
  readonly cuts: readonly ResolvedCut[];
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

/** A role log that is open: which node, which label, whether its entries still count, and what ends it. */
export interface RoleLog {
  readonly node: string;
  readonly label: string;
  readonly key: string;
  readonly state: "live" | "cut";
  readonly enders: readonly Ender[];
}

export interface NodePlane {
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  readonly tokens: ReadonlyMap<string, TokenRecord>;
  readonly roleLogs: ReadonlyMap<string, RoleLog>;
  /** Redemptions that have effect. */
  readonly redeemed: ReadonlySet<number>;
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

/** The rank of nodes and roles: below all operators. */
const NODE_RANK = Number.POSITIVE_INFINITY;

/** Nodes, roles, tokens and names, `trust.md` §4 and §6, from what operators said with effect. */
export function resolveNodes(
  graph: AuthorityGraph,
  keys: Pick<Keys, "hash">,
  plane: OperatorPlane,
  entriesByLog: ReadonlyMap<string, readonly GraphEntry[]>,
): NodePlane {
  return new Resolution(graph, keys, plane, entriesByLog).result();
}

class Resolution {
  readonly #graph: AuthorityGraph;
  readonly #keys: Pick<Keys, "hash">;
  readonly #plane: OperatorPlane;
  readonly #entriesByLog: ReadonlyMap<string, readonly GraphEntry[]>;
  readonly #operatorEntries: readonly GraphEntry[];
  /** By node and label. */
  readonly #unroles: ReadonlyMap<string, readonly ResolvedUnrole[]>;
  readonly #open = new Map<string, OpenNode>();
  readonly #redeemed = new Set<number>();
  readonly #redeemers: ReadonlyMap<string, readonly OpenNode[]>;
  readonly #everNamed: ReadonlyMap<string, readonly OpenNode[]>;

  constructor(
    graph: AuthorityGraph,
    keys: Pick<Keys, "hash">,
    plane: OperatorPlane,
    entriesByLog: ReadonlyMap<string, readonly GraphEntry[]>,
  ) {
    this.#graph = graph;
    this.#keys = keys;
    this.#plane = plane;
    this.#entriesByLog = entriesByLog;
    this.#operatorEntries = [...plane.effective]
      .map((index) => graph.at(index))
      .filter(({ log }) => plane.logs.has(log));
    const unroles = this.#ofType("unrole").map((node): ResolvedUnrole => {
      return { index: node.index, rank: this.#rankOf(node), body: node.body as UnroleBody };
    });
    this.#unroles = groupBy(unroles, ({ body }) => `${toHex(body.node)}/${body.label}`);
    this.#openEnrolled();
    this.#openRedeemed();
    const nodes = [...this.#open.values()];
    this.#everNamed = byNames(nodes);
    this.#redeemers = groupBy(
      nodes.filter(({ body }) => body.type === "redeem"),
      ({ body }) => toHex((body as RedeemBody).token),
    );
  }

  result(): NodePlane {
    const nodes = this.#nodes();
    return { nodes, tokens: this.#tokens(), roleLogs: this.#roleLogs(nodes), redeemed: this.#redeemed };
  }

  #ofType(type: GraphEntry["body"]["type"]): GraphEntry[] {
    return this.#operatorEntries.filter(({ body }) => body.type === type);
  }

  #rankOf(node: GraphEntry): number {
    return this.#plane.logs.get(node.log)?.rank ?? NODE_RANK;
  }

  #openEnrolled(): void {
    for (const node of this.#ofType("enrol")) {
      const body = node.body as EnrolBody;
      this.#open.set(node.entry.id, {
        id: node.entry.id,
        key: recurringHex(body.key),
        entries: [node],
        body,
        opening: node.index,
        openerRank: this.#rankOf(node),
        token: null,
      });
    }
  }

  /** Redemptions can open coordinators that redeem in turn: until nothing changes. Only grows. */
  #openRedeemed(): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const [log, opened] of this.#graph.logs) {
        const redemptions = opened.kind === "role" ? (this.#entriesByLog.get(log) ?? []) : [];
        const enders = redemptions.length === 0 ? null : this.#endersOf(log, opened);
        if (enders === null) continue;
        for (const node of redemptions) {
          if (node.body.type !== "redeem" || this.#redeemed.has(node.index)) continue;
          const token = this.#graph.find(toHex(node.body.token));
          if (token?.body.type !== "token" || !this.#plane.effective.has(token.index)) continue;
          if (!isKept(this.#graph, node, enders)) continue;
          this.#redeemed.add(node.index);
          changed = true;
          this.#openRedemption(node, node.body, token, token.body);
        }
      }
    }
  }

  #openRedemption(node: GraphEntry, { token, key }: RedeemBody, of: GraphEntry, body: TokenBody): void {
    const id = toHex(redeemedNodeLog(this.#keys, token, key));
    const entries = [...(this.#open.get(id)?.entries ?? []), node];
    this.#open.set(id, {
      id,
      key: toHex(key),
      entries,
      body: firstOf(this.#graph, entries).body as RedeemBody,
      opening: of.index,
      openerRank: this.#rankOf(of),
      token: body,
    });
  }

  /** What ends a role log: cuts of its node's key and withdrawals of the label. Null while the log is not known. */
  #endersOf(log: string, opened: OpenedLog): readonly Ender[] | null {
    if (opened.kind !== "role" || !this.#open.has(opened.node) || !this.#plane.effective.has(opened.opening))
      return null;
    const { key, opening } = opened;
    const unroles = this.#unrolesOf(opened.node, opened.label).filter(
      (unrole) => names(unrole, log) || !isOrWas(this.#graph, unrole.index, opening),
    );
    return [...this.#plane.cuts.applying({ log, key, rank: NODE_RANK, opening }), ...unroles];
  }

  #unrolesOf(node: string, label: string): readonly ResolvedUnrole[] {
    return this.#unroles.get(`${node}/${label}`) ?? [];
  }

  #cutsOf({ id, key, opening }: OpenNode): readonly ResolvedCut[] {
    return this.#plane.cuts.applying({ log: id, key, rank: NODE_RANK, opening });
  }

  /** Rank of the most senior effective operator entry that knows x and not y. */
  #witness(x: OpenNode, y: OpenNode): number {
    const knows = (node: GraphEntry, whom: OpenNode) =>
      whom.entries.some((entry) => isOrWas(this.#graph, entry.index, node.index));
    return this.#operatorEntries
      .filter((node) => knows(node, x) && !knows(node, y))
      .reduce((best, node) => Math.min(best, this.#rankOf(node)), NODE_RANK);
  }

  #stateOf(node: OpenNode): NodeState {
    if (this.#cutsOf(node).length > 0) return "cut";
    if (node.body.type !== "redeem") return "active";
    const rivals = (this.#redeemers.get(toHex(node.body.token)) ?? []).filter(({ key }) => key !== node.key);
    const wins = rivals.every((rival) => this.#witness(node, rival) < this.#witness(rival, node));
    return wins ? "active" : "suspended";
  }

  #owns(node: OpenNode): boolean {
    // One key under several names, none of which knows another: no hash decides which it is.
    if (node.entries.length > 1 && namesOf(firstsOf(this.#graph, node.entries)).size > 1) return false;
    return (this.#everNamed.get(node.body.name) ?? []).every((other) => {
      if (other === node) return true;
      const cutBefore = this.#cutsOf(other).some(({ index }) => isOrWas(this.#graph, index, node.opening));
      if (cutBefore || node.openerRank < other.openerRank) return true;
      const witnessed = this.#witness(node, other) < NODE_RANK && this.#witness(other, node) === NODE_RANK;
      return node.openerRank === other.openerRank && witnessed;
    });
  }

  #rolesOf(node: OpenNode, given: readonly RoleGrant[]): ReadonlySet<string> {
    // What is given and taken at once, is taken.
    const holds = ({ label, index }: RoleGrant) =>
      this.#unrolesOf(node.id, label).every((unrole) => isOrWas(this.#graph, unrole.index, index));
    const byToken = (node.token?.roles ?? []).map((label) => ({ label, index: node.opening }));
    // As most have none.
    if (byToken.length + given.length === 0) return NO_ROLES;
    return new Set(
      [...byToken, ...given]
        .filter(holds)
        .map(({ label }) => label)
        .sort(),
    );
  }

  #nodes(): Map<string, NodeRecord> {
    const grants = this.#ofType("role").map((entry) => ({ entry, body: entry.body as RoleBody }));
    const grantsByNode = groupBy(grants, ({ body }) => recurringHex(body.node));
    const nodes = new Map<string, NodeRecord>();
    for (const node of this.#open.values()) {
      const state = this.#stateOf(node);
      const given = (grantsByNode.get(node.id) ?? []).map(({ entry, body }) => {
        return { label: body.label, index: entry.index };
      });
      nodes.set(node.id, {
        id: node.id,
        key: node.key,
        seal: node.body.seal,
        name: node.body.name,
        naming: this.#owns(node) ? "owned" : "contested",
        state,
        cuts: this.#cutsOf(node),
        roles: state === "active" ? this.#rolesOf(node, given) : NO_ROLES,
        labels: node.token?.labels ?? NO_LABELS,
        attributes: node.token?.attributes ?? NO_ATTRIBUTES,
        how: node.body.type === "enrol" ? "enrol" : "token",
        at: node.body.at,
        opening: node.opening,
      });
    }
    return nodes;
  }

  #tokens(): Map<string, TokenRecord> {
    const tokens = new Map<string, TokenRecord>();
    for (const node of this.#ofType("token")) {
      const body = node.body as TokenBody;
      const redeemedBy = (this.#redeemers.get(node.entry.id) ?? []).map((redeemer) => redeemer.id).sort();
      tokens.set(node.entry.id, { hash: node.entry.id, id: toHex(body.id), body, redeemedBy });
    }
    return tokens;
  }

  #roleLogs(nodes: ReadonlyMap<string, NodeRecord>): Map<string, RoleLog> {
    const roleLogs = new Map<string, RoleLog>();
    for (const [log, opened] of this.#graph.logs) {
      if (opened.kind !== "role") continue;
      const enders = this.#endersOf(log, opened);
      if (enders === null) continue;
      const { node, label, key } = opened;
      const state = enders.length > 0 || nodes.get(node)?.state !== "active" ? "cut" : "live";
      roleLogs.set(log, { node, label, key, state, enders });
    }
    return roleLogs;
  }
}

/** Of most machines: one of each for all of them. */
const NO_ROLES: ReadonlySet<string> = new Set();
const NO_LABELS: readonly string[] = [];
const NO_ATTRIBUTES: Readonly<Record<string, string>> = {};

interface RoleGrant {
  readonly label: string;
  readonly index: number;
}

/** Those that have no other in their past. */
function firstsOf(graph: AuthorityGraph, entries: readonly GraphEntry[]): readonly GraphEntry[] {
  return entries.filter((entry) => !entries.some((other) => graph.isPast(other.index, entry.index)));
}

/** Of those the lowest by hash. (Pairwise "by cause, else by hash" has cycles.) */
function firstOf(graph: AuthorityGraph, entries: readonly GraphEntry[]): GraphEntry {
  return firstsOf(graph, entries).reduce((a, b) => (a.entry.id < b.entry.id ? a : b));
}

function namesOf(entries: readonly GraphEntry[]): ReadonlySet<string> {
  return new Set(entries.flatMap(({ body }) => ("name" in body && body.name !== null ? [body.name] : [])));
}

/** Who ever had each name. */
function byNames(nodes: readonly OpenNode[]): Map<string, OpenNode[]> {
  const groups = new Map<string, OpenNode[]>();
  for (const node of nodes) {
    const names = node.entries.length === 1 ? [node.body.name] : namesOf(node.entries);
    for (const name of names) {
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [node]);
      else group.push(node);
    }
  }
  return groups;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
