import { cutsOf, type Facts } from "./authority.ts";
import type { Graph, Log } from "./graph.ts";
import type { Entry, Id, Key, LogId } from "./history.ts";

export interface Node {
  readonly log: LogId;
  readonly key: Key;
  readonly name: string;
  /**
   * - `active`: takes part
   * - `cut`: an effective cut applies to it
   * - `suspended`: another key redeemed the same token, and no operator's entry tells them apart
   */
  readonly state: "active" | "cut" | "suspended";
  /** `contested`: keeps what it has and gets nothing new by its name. */
  readonly naming: "owned" | "contested";
  readonly roles: readonly string[];
}

/** Nodes, their roles and names: `trust.md` §4 from "# nodes" on, and §6. Nothing here gives or takes effect. */
export function resolveNodes(graph: Graph, facts: Facts): Node[] {
  const logs = [...graph.logs.values()].filter(({ kind, id }) => kind === "node" && facts.known.has(id));
  return logs.map((log) => {
    const state = stateOf(graph, facts, logs, log);
    const roles = state === "active" ? rolesOf(graph, facts, log) : [];
    const naming = ownsName(graph, facts, logs, log) ? "owned" : "contested";
    return { log: log.id, key: log.key, name: namesOf(graph, facts, log)[0] ?? "", state, naming, roles };
  });
}

function stateOf(graph: Graph, facts: Facts, logs: readonly Log[], log: Log): Node["state"] {
  if (cutsOf(graph, facts, log).length > 0) return "cut";
  return isWinner(graph, facts, logs, log) ? "active" : "suspended";
}

/** `winner(T)`: "the key x with wit(x,y) < wit(y,x) for every other key y redeemed for T; alone: x" */
function isWinner(graph: Graph, facts: Facts, logs: readonly Log[], log: Log): boolean {
  if (log.opening.body.t !== "token") return true;
  const rivals = logs.filter(({ id, opening }) => opening.id === log.opening.id && id !== log.id);
  return rivals.every((rival) => wit(graph, facts, log, rival) < wit(graph, facts, rival, log));
}

/**
 * `wit(x,y)`: "rank of the most senior effective operator entry that is x or has x in its past, but neither is y nor
 * has it (∞ if none)". Redemptions of one token by one key are one node, so x and y are sets of entries.
 */
export function wit(graph: Graph, facts: Facts, x: Log, y: Log): number {
  const [xs, ys] = [entriesOf(facts, x), entriesOf(facts, y)];
  const sees = (entry: Entry, nodes: readonly Entry[]) =>
    nodes.some(({ id }) => id === entry.id || graph.past(entry).has(id));
  const ranks = graph.history.entries
    .filter(({ id, body, log }) => {
      return facts.effective.has(id) && body.t !== "genesis" && graph.logOf(log).kind === "operator";
    })
    .filter((entry) => sees(entry, xs) && !sees(entry, ys))
    .map(({ log }) => graph.logOf(log).rank);
  return Math.min(Number.POSITIVE_INFINITY, ...ranks);
}

/** "active(n) and some effective role entry g with no effective unrole u of (n,l), u ∉ past(g)" */
function rolesOf(graph: Graph, facts: Facts, node: Log): string[] {
  const given = graph
    .of("role")
    .filter(({ id, body }) => body.node === node.id && facts.effective.has(id))
    .map((entry) => ({ label: entry.body.label, by: entry as Entry }));
  const brought = node.opening.body.t === "token" ? node.opening.body.roles : [];
  const all = [...given, ...brought.map((label) => ({ label, by: node.opening }))];
  const stays = ({ label, by }: { label: string; by: Entry }) => {
    const unroles = graph.of("unrole").filter(({ id, body }) => {
      return body.node === node.id && body.label === label && facts.effective.has(id);
    });
    return unroles.every(({ id }) => graph.past(by).has(id));
  };
  return [...new Set(all.filter(stays).map(({ label }) => label))].sort();
}

/** "Node n owns a name iff for every other node m that was ever opened with it …" (§6) */
function ownsName(graph: Graph, facts: Facts, logs: readonly Log[], n: Log): boolean {
  const [name, another] = namesOf(graph, facts, n);
  // Redemptions by one key under several names, none of which knows another: no hash decides which it is.
  if (name === undefined || another !== undefined) return false;
  const others = logs.filter((m) => m.id !== n.id && entriesOf(facts, m).some((entry) => nameIn(entry) === name));
  return others.every((m) => {
    const past = graph.past(n.opening);
    // "m was cut and the cut is in past(opening of n)"
    if (cutsOf(graph, facts, m).some(({ id }) => past.has(id))) return true;
    // "or n's opener is of smaller rank"
    const [rankOfN, rankOfM] = [openerRank(graph, n), openerRank(graph, m)];
    if (rankOfN < rankOfM) return true;
    // "or the ranks are equal, wit(n,m) < ∞ and wit(m,n) = ∞"
    return rankOfN === rankOfM && wit(graph, facts, n, m) < Infinity && wit(graph, facts, m, n) === Infinity;
  });
}

/** The operator who signed the enrol entry, or the token. */
function openerRank(graph: Graph, node: Log): number {
  return graph.logOf(node.opening.log).rank;
}

function entriesOf(facts: Facts, node: Log): Entry[] {
  return node.openers.filter(({ id }) => facts.effective.has(id));
}

/** Of several redemptions by one key those count that have no other in their past; lowest first. */
function namesOf(graph: Graph, facts: Facts, node: Log): string[] {
  const entries = entriesOf(facts, node);
  const earliest = entries.filter((entry) => !entries.some((other) => graph.past(entry).has(other.id)));
  return [...new Set(earliest.sort((a, b) => order(a.id, b.id)).map(nameIn))];
}

function nameIn({ body }: Entry): string {
  if (body.t !== "enrol" && body.t !== "redeem") throw new Error(`${body.t} names no node`);
  return body.name;
}

export function order(a: Id, b: Id): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
