import { fromHex } from "../core/bytes.ts";
import { type Keep, MAX_KEEPS } from "./authority/bodies.ts";
import type { AuthorityGraph, GraphEntry } from "./authority/graph.ts";
import { type Entry, MAX_PARENTS } from "./entry/entry.ts";
import type { KeptLedger } from "./prefix.ts";

/** What a frontier is drawn through. */
export interface Frontiers {
  readonly graph: AuthorityGraph;
  /** Ledgers as far as they count, by log. */
  readonly ledgers: ReadonlyMap<string, KeptLedger>;
}

/**
 * Frontiers at the present heads of every log of a key: a cut with them takes nothing away that is known here.
 * With `isLost` they end before the first entry of which it is true, in every log.
 */
export function keepsOf(known: Frontiers, key: string, isLost: (entry: Entry) => boolean = () => false): Keep[] {
  const logs = [...known.graph.logs].filter(([, opened]) => opened.key === key).map(([log]) => log);
  return logs
    .sort()
    .map((log) => keepOfLog(known, log, isLost))
    .slice(0, MAX_KEEPS);
}

/** The same for one log: what an `unrole` names. */
export function keepOfLog(known: Frontiers, log: string, isLost: (entry: Entry) => boolean = () => false): Keep {
  const tips = keptTips(known.graph, log, isLost);
  const links = known.ledgers.get(log)?.links ?? [];
  const end = links.findIndex(({ entry }) => isLost(entry));
  const last = (end === -1 ? links : links.slice(0, end)).at(-1)?.entry;
  return {
    log: fromHex(log) as Uint8Array,
    a: tips.length === 0 ? null : tips.map(({ entry }) => entry.hash),
    l: last === undefined ? null : { seq: last.header.seq, hash: last.hash },
  };
}

/** Of the log's entries that neither are lost nor build on a lost one of the same log, those without a successor. */
function keptTips(graph: AuthorityGraph, log: string, isLost: (entry: Entry) => boolean): GraphEntry[] {
  const entries = graph.entries.filter((node) => node.log === log);
  const lost = entries.filter(({ entry }) => isLost(entry)).map(({ index }) => index);
  const builds = ({ index }: GraphEntry) => lost.some((gone) => gone === index || graph.isPast(gone, index));
  const tips: GraphEntry[] = [];
  for (const node of entries.filter((entry) => !builds(entry)).reverse()) {
    if (!tips.some((tip) => graph.isPast(node.index, tip.index))) tips.push(node);
  }
  // More loose ends than a frontier can name are their writer's own doing: the first ones stay.
  return tips.reverse().slice(0, MAX_PARENTS);
}
