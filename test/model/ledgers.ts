import { cutsOf, type Facts, keepFor } from "./authority.ts";
import type { Graph, Log } from "./graph.ts";
import type { Entry, Id, Link, LogId, Write } from "./history.ts";
import { order } from "./nodes.ts";

export interface Ledger {
  readonly log: LogId;
  /** The kept prefix, first link first. */
  readonly kept: readonly Link[];
}

export interface PlacedWrite extends Write {
  readonly link: Link;
}

export interface Path {
  readonly path: string;
  readonly winner: PlacedWrite;
  /** Other writes that nothing superseded. */
  readonly conflicts: readonly PlacedWrite[];
}

/** "All desired ledgers whose log is known, has `ops`, kept prefix only" (`trust.md` §5). */
export function resolveLedgers(graph: Graph, facts: Facts): Ledger[] {
  const logs = [...graph.logs.values()].filter(({ id, rights }) => rights.includes("ops") && facts.known.has(id));
  return logs.map((log) => ({ log: log.id, kept: prefixOf(graph, facts, log) }));
}

/** The prefix rule. */
function prefixOf(graph: Graph, facts: Facts, log: Log): readonly Link[] {
  // "if cuts apply, the kept entries are the common prefix of the chains that end in their keeps"
  const cuts = cutsOf(graph, facts, log);
  if (cuts.length > 0) return commonPrefix(cuts.map((cut) => keptBy(graph, facts, cut, log)));
  // "Otherwise start from the pins of effective checkpoints … From there follow the chain while there is exactly one
  // successor; at a fork, stop"
  const { chain, end } = pinned(graph, checkpoints(graph, facts), log);
  const kept = [...chain];
  while (kept.length < end) {
    const last = kept.at(-1)?.id ?? null;
    const successors = graph.history.links.filter((link) => link.log === log.id && link.prev === last);
    const [next] = successors;
    if (next === undefined || successors.length > 1) break;
    kept.push(next);
  }
  return kept;
}

/**
 * §8: "A `keep.l` below a pin of an *effective* checkpoint of rank ≤ 1 in the cut's own past counts as the pin": a cut
 * keeps at least what these pins hold, and what it names only if that goes on from there. "Unknown keep = nothing kept."
 */
export function keptBy(graph: Graph, facts: Facts, cut: Entry<"cut">, log: Log): readonly Link[] {
  const past = graph.past(cut);
  const seen = checkpoints(graph, facts).filter((entry) => past.has(entry.id) && graph.logOf(entry.log).rank <= 1);
  const { chain, end } = pinned(graph, seen, log);
  const keep = keepFor(cut, log.id)?.l ?? null;
  const named = keep === null ? null : graph.chain(keep, log.id);
  return named !== null && end === Infinity && goesOnFrom(named, chain) ? named : chain;
}

function checkpoints(graph: Graph, facts: Facts): Entry<"checkpoint">[] {
  return graph.of("checkpoint").filter(({ id }) => facts.effective.has(id));
}

/**
 * What pins hold of a ledger: "most senior rank first; equal rank and incompatible: their common prefix, and stop; a
 * junior pin only extends a senior one". Links beyond `end` do not count, whatever follows. Only pins "by the author's
 * own admin log or a senior" (§7) count. One that is not here yet lets nothing count from its number on, lest its
 * arrival move the ledger sideways (I11).
 */
function pinned(graph: Graph, by: readonly Entry<"checkpoint">[], log: Log): { chain: readonly Link[]; end: number } {
  const pins = by
    .map((entry) => ({ entry, rank: graph.logOf(entry.log).rank }))
    .filter(({ entry, rank }) => entry.log === log.id || rank < log.rank)
    .flatMap(({ entry, rank }) => entry.body.pins.filter((pin) => pin.log === log.id).map((pin) => ({ rank, pin })));
  let chain: readonly Link[] = [];
  for (const rank of [...new Set(pins.map((one) => one.rank))].sort((a, b) => a - b)) {
    const senior = chain;
    const equals = pins.filter((one) => one.rank === rank && one.pin.seq > senior.length).map(({ pin }) => pin);
    const chains = equals
      .map((pin) => graph.chain(pin, log.id))
      .filter((one) => one !== null)
      .filter((one) => goesOnFrom(one, senior));
    chain = chains.reduce((a, b) => (b.length > a.length ? b : a), senior);
    const missing = equals.filter((pin) => graph.chain(pin, log.id) === null).map(({ seq }) => seq - 1);
    const incompatible = chains.some((one) => !goesOnFrom(chain, one)) ? [commonPrefix(chains).length] : [];
    const end = Math.min(Infinity, ...missing, ...incompatible);
    if (end < Infinity) return { chain: chain.slice(0, end), end };
  }
  return { chain, end: Infinity };
}

function goesOnFrom(chain: readonly Link[], from: readonly Link[]): boolean {
  return from.every((link, i) => chain[i]?.id === link.id);
}

function commonPrefix(chains: readonly (readonly Link[])[]): readonly Link[] {
  const [first = [], ...others] = chains;
  const length = first.findIndex((link, i) => others.some((chain) => chain[i]?.id !== link.id));
  return length < 0 ? first : first.slice(0, length);
}

/** The fold: "Cause beats clocks; clocks only break ties." A log's later write at a path replaces its earlier one. */
export function fold(ledgers: readonly Ledger[]): Path[] {
  const effective = ledgers.flatMap(({ kept }) => kept.flatMap(writesOf));
  const paths = [...new Set(effective.map(({ path }) => path))].sort();
  return paths.map((path) => {
    const writes = effective.filter((write) => write.path === path);
    // "A write is *superseded* if an effective write names it in `over`"
    const superseded = new Set(writes.flatMap(({ over }) => over));
    const left = writes
      .filter(({ link }) => !superseded.has(link.id))
      .filter(({ link }) => !writes.some((later) => later.link.log === link.log && later.link.seq > link.seq))
      .sort((a, b) => b.link.hlc - a.link.hlc || order(b.link.log, a.link.log));
    const [winner, ...conflicts] = left;
    if (winner === undefined) throw new Error(`all writes at ${path} are superseded`);
    return { path, winner, conflicts };
  });
}

/**
 * "A value that disappears because its entry became void … is shown as *void, unadopted* until an operator adopts
 * (re-signs) or dismisses it", both by an effective write that names it in `over`. What is void itself hides nothing: only
 * a later void value takes the place of an earlier one of its log.
 */
export function unadopted(graph: Graph, ledgers: readonly Ledger[]): PlacedWrite[] {
  const effective = ledgers.flatMap(({ kept }) => kept.flatMap(writesOf));
  const kept = new Set<Id>(effective.map(({ link }) => link.id));
  const values = graph.history.links
    .flatMap(writesOf)
    .filter(({ link, value }) => !kept.has(link.id) && value !== null);
  return values.filter(({ path, link }) => {
    const answered = effective.some((write) => write.path === path && write.over.includes(link.id));
    return !answered && !values.some((later) => later.path === path && follows(graph, later.link, link));
  });
}

function follows(graph: Graph, later: Link, earlier: Link): boolean {
  for (let at = later.prev; at !== null; at = graph.links.get(at)?.prev ?? null) if (at === earlier.id) return true;
  return false;
}

function writesOf(link: Link): PlacedWrite[] {
  return link.writes.map((write) => ({ ...write, link }));
}
