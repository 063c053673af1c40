import { toHex } from "../core/bytes.ts";
import type { Ender } from "./authority/frontier.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import type { Authority, OperatorLog, ResolvedCheckpoint } from "./authority/resolve.ts";
import { type Chain, type ChainLink, completeBatches, pathTo } from "./chain.ts";

/**
 * Why a ledger counts as far as it does, and no further.
 * - `open`: to its head · `cut`: cuts of its log decide · `fork`: its writer signed two successors of `after`
 */
export type LedgerEnd =
  | { readonly end: "open" }
  | { readonly end: "cut"; readonly cuts: readonly BoundingCut[] }
  | { readonly end: "fork"; readonly after: ChainLink | null };

/** A cut that applies to a ledger, and how much of the ledger it alone would leave. */
interface BoundingCut {
  readonly cut: Ender;
  readonly links: readonly ChainLink[];
}

export interface KeptLedger {
  /** What counts: a prefix of one branch, in whole batches. */
  readonly links: readonly ChainLink[];
  readonly end: LedgerEnd;
  /** Checkpoints that pin this ledger. */
  readonly checkpoints: readonly ResolvedCheckpoint[];
}

/** The largest rank whose checkpoints let raw entries be dropped, so that no cut can ask for less (`trust.md` §8). */
const COMPACTING_RANK = 1;

/** Everything in the authority that decides how far a ledger counts. */
export interface LedgerBounds {
  readonly log: string;
  readonly cuts: readonly Ender[];
  readonly checkpoints: readonly ResolvedCheckpoint[];
}

/** Of every log that is known and has `ops`, by log. */
export function ledgerBounds(authority: Pick<Authority, "operators" | "checkpoints">): LedgerBounds[] {
  return [...authority.operators.values()]
    .filter(({ rights }) => rights.has("ops"))
    .sort((a, b) => (a.log < b.log ? -1 : 1))
    .map((operator) => {
      return { log: operator.log, cuts: operator.enders, checkpoints: checkpointsOf(authority, operator) };
    });
}

/** Checkpoints that may say which branch of this ledger counts: the author's own, in the same log, and seniors'. */
function checkpointsOf(
  { checkpoints }: Pick<Authority, "checkpoints">,
  { log, rank }: Pick<OperatorLog, "log" | "rank">,
): readonly ResolvedCheckpoint[] {
  return checkpoints.filter(
    (checkpoint) =>
      (checkpoint.log === log || checkpoint.rank < rank) && checkpoint.body.pins.some((pin) => toHex(pin.log) === log),
  );
}

/** The prefix rule of `trust.md` §5. */
export function keptLedger(graph: AuthorityGraph, bounds: LedgerBounds, chain: Chain): KeptLedger {
  const { log, cuts, checkpoints } = bounds;
  if (cuts.length > 0) {
    const left = cuts.map((cut) => ({ cut, links: linksLeftBy(graph, cut, log, chain, checkpoints) }));
    const links = completeBatches(left.map((bound) => bound.links).reduce(commonPrefix));
    return { links, end: { end: "cut", cuts: left }, checkpoints };
  }
  // All pins of a chain that never forked lie on it, and lead where it leads anyway.
  if (chain.shape === "line") return { links: completeBatches(chain.main), end: { end: "open" }, checkpoints };
  const { at, after } = pinned(chain, log, checkpoints);
  const last = after === "stop" ? at : lastBeforeFork(chain, at);
  const end: LedgerEnd = isTip(last) ? { end: "open" } : { end: "fork", after: last };
  return { links: completeBatches(pathOf(chain, last)), end, checkpoints };
}

/**
 * What the cut keeps, and never less than what a checkpoint that it knew had pinned: peers may have dropped what lies
 * below. A keep that names nothing, or what is not here, keeps nothing but that.
 */
function linksLeftBy(
  graph: AuthorityGraph,
  cut: Ender,
  log: string,
  chain: Chain,
  checkpoints: readonly ResolvedCheckpoint[],
): readonly ChainLink[] {
  const known = checkpoints.filter(({ index, rank }) => rank <= COMPACTING_RANK && graph.isPast(index, cut.index));
  const floor = pinned(chain, log, known).at;
  const last = cut.body.keeps.find((keep) => toHex(keep.log) === log)?.l ?? null;
  const named = last === null ? undefined : chain.find(toHex(last.hash));
  const kept = named === undefined || named.entry.header.seq !== last?.seq ? null : named;
  return pathOf(chain, floor === null || isBehind(floor, kept) ? kept : floor);
}

/**
 * Where the pins lead: the most senior first, a junior one only goes further. Where two of one rank contradict each
 * other, only what they share counts, and nothing after it.
 */
function pinned(
  chain: Chain,
  log: string,
  checkpoints: readonly ResolvedCheckpoint[],
): { readonly at: ChainLink | null; readonly after: "follow" | "stop" } {
  let at: ChainLink | null = null;
  for (const rank of [...new Set(checkpoints.map((checkpoint) => checkpoint.rank))].sort((a, b) => a - b)) {
    const links: ChainLink[] = [];
    for (const { body } of checkpoints.filter((checkpoint) => checkpoint.rank === rank)) {
      const pin = body.pins.find((candidate) => toHex(candidate.log) === log);
      const link = pin === undefined ? undefined : chain.find(toHex(pin.hash));
      if (link !== undefined && link.entry.header.seq === pin?.seq && isBehind(at, link)) links.push(link);
    }
    const [first, ...others] = links;
    if (first === undefined) continue;
    const deepest = others.reduce((a, b) => (b.entry.header.seq > a.entry.header.seq ? b : a), first);
    if (links.every((link) => isBehind(link, deepest))) at = deepest;
    else return { at: others.reduce<ChainLink | null>(commonAncestor, first), after: "stop" };
  }
  return { at, after: "follow" };
}

/** From a link on, null being the beginning, while there is exactly one successor. */
function lastBeforeFork(chain: Chain, from: ChainLink | null): ChainLink | null {
  // From anywhere on the main line it leads to the end of that.
  const isOnMain = from === null || chain.main[from.entry.header.seq - 1] === from;
  let at = isOnMain ? (chain.main.at(-1) ?? null) : from;
  for (;;) {
    const next: readonly ChainLink[] = at === null ? chain.roots : at.next;
    const [only] = next;
    if (only === undefined || next.length > 1) return at;
    at = only;
  }
}

function isTip(link: ChainLink | null): boolean {
  return link !== null && link.next.length === 0;
}

/** True if `link` is `ancestor` or builds on it. Everything builds on null, the beginning. */
function isBehind(ancestor: ChainLink | null, link: ChainLink | null): boolean {
  if (ancestor === null) return true;
  let at = link;
  while (at !== null && at.entry.header.seq > ancestor.entry.header.seq) at = at.prev;
  return at === ancestor;
}

function commonAncestor(a: ChainLink | null, b: ChainLink): ChainLink | null {
  let [one, other]: [ChainLink | null, ChainLink | null] = [a, b];
  while (one !== null && other !== null && one !== other) {
    if (one.entry.header.seq >= other.entry.header.seq) one = one.prev;
    else other = other.prev;
  }
  return one === other ? one : null;
}

function pathOf(chain: Chain, link: ChainLink | null): readonly ChainLink[] {
  if (link === null) return [];
  const { seq } = link.entry.header;
  return chain.main[seq - 1] === link ? chain.main.slice(0, seq) : pathTo(link);
}

function commonPrefix(a: readonly ChainLink[], b: readonly ChainLink[]): readonly ChainLink[] {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
