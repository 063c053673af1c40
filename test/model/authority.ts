import type { Graph, Log } from "./graph.ts";
import type { BodyOf, Entry, Id, Keep, Key, LogId } from "./history.ts";

/**
 * `trust.md` §4 as a logic program. The specification walks the ranks and decides each before the next; this model knows
 * no ranks to walk. It takes the rules as they stand, with their negation, and computes the well-founded model by
 * alternating fixpoint (Van Gelder 1989): assume too little is effective, so that too little is cut, and too much
 * follows; assume that much, so that too much is cut, and too little follows; until both stand still. What follows both
 * ways is certain. If the two differ, the rules have no one answer, which §1 says cannot happen.
 */
export interface Facts {
  /** Entries with effect; of redeem entries those that make a node. */
  readonly effective: ReadonlySet<Id>;
  readonly known: ReadonlySet<LogId>;
}

export interface Authority extends Facts {
  /** Entries that the rules neither give nor deny effect. */
  readonly undecided: readonly Id[];
}

export function resolveAuthority(graph: Graph): Authority {
  let certain: Facts = { effective: new Set(), known: new Set() };
  for (;;) {
    const possible = consequences(graph, certain);
    const next = consequences(graph, possible);
    if (next.effective.size === certain.effective.size) {
      const undecided = [...possible.effective].filter((id) => !next.effective.has(id));
      return { ...next, undecided };
    }
    certain = next;
  }
}

/** All that follows if what is effective in `assumed` decides what is cut. Only grows while it is computed. */
function consequences(graph: Graph, assumed: Facts): Facts {
  const facts = { effective: new Set<Id>(), known: new Set<LogId>() };
  let waiting = graph.history.entries;
  for (let before = -1; before !== facts.effective.size; ) {
    before = facts.effective.size;
    waiting = waiting.filter((entry) => {
      if (!takesEffect(graph, facts, assumed, entry)) return true;
      facts.effective.add(entry.id);
      for (const log of graph.logs.values()) if (isKnown(facts, log)) facts.known.add(log.id);
      return false;
    });
  }
  return facts;
}

function takesEffect(graph: Graph, facts: Facts, assumed: Facts, entry: Entry): boolean {
  const { body } = entry;
  if (body.t === "genesis") return true;
  const log = graph.logOf(entry.log);
  if (!facts.known.has(log.id) || !isKept(graph, assumed, entry)) return false;
  // "redeem entries whose token ∈ EFF, whose issuer log is a known role log, kept"
  if (body.t === "redeem") return facts.effective.has(body.token) && isIssuerOf(graph.entry(body.token), log);
  if (!log.rights.includes("admin")) return false;
  if (body.t === "grant" && body.rank < log.rank) return false;
  return body.t === "approve" || keysBehind(graph, facts, entry).size >= log.need;
}

/** A log is known when what opens it has effect; a role's also wants its node to be one. */
function isKnown(facts: Facts, log: Log): boolean {
  if (log.role !== null && !facts.known.has(log.role.node)) return false;
  return log.openers.some(({ id }) => facts.effective.has(id));
}

/** "A token has effect only through its issuer" (I20): the role log of a coordinator that it names. */
export function isIssuerOf(token: Entry, log: Log): boolean {
  return token.body.t === "token" && token.body.issuer === log.id && log.role?.label === "coordinator";
}

/** "n distinct keys (author included) with admin logs of equal or smaller rank have effective `approve` entries" */
export function keysBehind(graph: Graph, facts: Facts, entry: Entry): ReadonlySet<Key> {
  const { rank } = graph.logOf(entry.log);
  const approvals = graph
    .of("approve")
    .filter(({ id, body, log }) => {
      return body.entry === entry.id && facts.effective.has(id) && graph.logOf(log).rank <= rank;
    })
    .map(({ key }) => key);
  return new Set([entry.key, ...approvals]);
}

/** `kept(e)`: by every effective cut that applies to its log, and by every unrole that acts on it. */
export function isKept(graph: Graph, facts: Facts, entry: Entry): boolean {
  const log = graph.logOf(entry.log);
  return removalsOf(graph, facts, log).every((removal) => {
    const keep = keepFor(removal, log.id);
    return (
      keep !== null && keep.a !== null && keep.a.some((tip) => tip === entry.id || pastOf(graph, tip).has(entry.id))
    );
  });
}

/** "unknown keep = nothing kept until it arrives" */
function pastOf(graph: Graph, tip: Id): ReadonlySet<Id> {
  const entry = graph.byId.get(tip);
  return entry === undefined ? new Set() : graph.past(entry);
}

export type Removal = Entry<"cut"> | Entry<"unrole">;

export function removalsOf(graph: Graph, facts: Facts, log: Log): Removal[] {
  const unroles = graph.of("unrole").filter((unrole) => actsOn(graph, unrole, log));
  return [...cutsOf(graph, facts, log), ...unroles.filter(({ id }) => facts.effective.has(id))];
}

/** The effective cuts that apply to a log: none if it is live. */
export function cutsOf(graph: Graph, facts: Facts, log: Log): Entry<"cut">[] {
  return graph.of("cut").filter((cut) => facts.effective.has(cut.id) && applies(graph, cut, log));
}

/** `applies(c, L) = c.key = L.key and c.rank < L.rank and (L ∈ c.keeps or c ∉ past(L.opening))` */
function applies(graph: Graph, cut: Entry<"cut">, log: Log): boolean {
  if (cut.body.key !== log.key || !(graph.logOf(cut.log).rank < log.rank)) return false;
  return keepFor(cut, log.id) !== null || !graph.past(log.opening).has(cut.id);
}

/** "`unrole` acts on role logs exactly as `cut` acts on logs" */
function actsOn(graph: Graph, unrole: Entry<"unrole">, log: Log): boolean {
  const { node, label } = unrole.body;
  if (log.role === null || log.role.node !== node || log.role.label !== label) return false;
  return keepFor(unrole, log.id) !== null || !graph.past(log.opening).has(unrole.id);
}

export function keepFor(removal: Removal, log: LogId): Keep | null {
  const { keeps }: Pick<BodyOf<"cut">, "keeps"> = removal.body;
  return keeps.find((keep) => keep.log === log) ?? null;
}
