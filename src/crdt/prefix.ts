import { toHex } from "../core/bytes.ts";
import { SECRET_STORE } from "../core/policy/entitlement.ts";
import type { Ender } from "./authority/frontier.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import type { Authority, ResolvedCheckpoint } from "./authority/resolve.ts";
import { type Chain, type ChainLink, completeBatches, pathTo } from "./chain.ts";
import { CLASS_DESIRED, CLASS_GENERATED } from "./entry/entry.ts";

/**
 * Why a ledger counts as far as it does, and no further.
 * - `open`: to its head · `cut`: cuts of its log decide
 * - `fork`: its writer signed two successors of `after`, or pins do not say yet, or not alike, which way it goes
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
export const COMPACTING_RANK = 1;

/** Everything in the authority that decides how far a ledger counts. */
export interface LedgerBounds {
  readonly log: string;
  /** The class of its chain. */
  readonly class: number;
  readonly cuts: readonly Ender[];
  readonly pins: readonly LedgerPin[];
}

/** What one checkpoint says of one ledger. */
export interface LedgerPin {
  readonly checkpoint: ResolvedCheckpoint;
  readonly seq: number;
  /** Hex of the link's hash. */
  readonly link: string;
}

/** Of every operator's log that has `ops`, and of every store's role log, each by log. */
export function ledgerBounds(authority: Pick<Authority, "operators" | "checkpoints" | "roleLogs">): LedgerBounds[] {
  const pins = new Map<string, LedgerPin[]>();
  for (const checkpoint of authority.checkpoints) {
    for (const { log, seq, hash } of checkpoint.body.pins) {
      const hex = toHex(log);
      pins.set(hex, [...(pins.get(hex) ?? []), { checkpoint, seq, link: toHex(hash) }]);
    }
  }
  const desired = [...authority.operators.values()]
    .filter(({ rights }) => rights.has("ops"))
    .sort((a, b) => (a.log < b.log ? -1 : 1))
    .map(({ log, rank, enders }) => {
      // The author's own, in the same log, and seniors': no junior, and no equal, chooses between somebody's branches.
      const own = (pins.get(log) ?? []).filter(({ checkpoint }) => checkpoint.log === log || checkpoint.rank < rank);
      return { log, class: CLASS_DESIRED, cuts: enders, pins: own };
    });
  const generated = [...authority.roleLogs]
    .filter(([, { label }]) => label === SECRET_STORE)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([log, { enders }]): LedgerBounds => ({ log, class: CLASS_GENERATED, cuts: enders, pins: [] }));
  return [...desired, ...generated];
}

/** The prefix rule of `trust.md` §5. */
export function keptLedger(graph: AuthorityGraph, { log, cuts, pins }: LedgerBounds, chain: Chain): KeptLedger {
  const checkpoints = [...new Set(pins.map(({ checkpoint }) => checkpoint))];
  if (cuts.length > 0) {
    const left = cuts.map((cut) => ({ cut, links: linksLeftBy(graph, cut, log, chain, pins) }));
    const links = completeBatches(left.map((bound) => bound.links).reduce(commonPrefix));
    return { links, end: { end: "cut", cuts: left }, checkpoints };
  }
  const { at, limit } = pinned(chain, pins);
  const line = pathOf(chain, lastBeforeFork(chain, at));
  const most = limit - chain.below;
  const links = line.length > most ? line.slice(0, most) : line;
  const last = links.at(-1) ?? null;
  const goesOn = last === null ? chain.roots.length > 0 : last.next.length > 0;
  return { links: completeBatches(links), end: goesOn ? { end: "fork", after: last } : { end: "open" }, checkpoints };
}

/**
 * What the cut keeps, and never less than what the checkpoints that it knew had pinned: peers may have dropped what lies
 * below. A keep that names nothing, or what is not here, or what does not go on from the pins, keeps nothing but that.
 */
function linksLeftBy(
  graph: AuthorityGraph,
  cut: Ender,
  log: string,
  chain: Chain,
  pins: readonly LedgerPin[],
): readonly ChainLink[] {
  const known = pins.filter(({ checkpoint }) => {
    return checkpoint.rank <= COMPACTING_RANK && graph.isPast(checkpoint.index, cut.index);
  });
  const { at, limit } = pinned(chain, known);
  const last = cut.body.keeps.find((keep) => toHex(keep.log) === log)?.l ?? null;
  const named = last === null ? undefined : chain.find(toHex(last.hash));
  const isNamed = named !== undefined && named.entry.header.seq === last?.seq && limit === Number.POSITIVE_INFINITY;
  return pathOf(chain, isNamed && isBehind(chain, at, named) ? named : at);
}

/**
 * Where the pins lead: the most senior first, a junior one only goes further. Beyond `limit` nothing counts: behind what
 * two pins of one rank share that contradict each other, and from the number of one whose link is not here, lest the
 * ledger move sideways when it comes.
 */
function pinned(chain: Chain, pins: readonly LedgerPin[]): { readonly at: ChainLink | null; readonly limit: number } {
  // Where the links below are gone, whatever may be said of them: the ledger stays on its state until they are back.
  const isStated = chain.letGo > 0 && chain.unread === 0;
  let at: ChainLink | null = isStated ? (chain.roots[0] ?? null) : null;
  for (const rank of [...new Set(pins.map(({ checkpoint }) => checkpoint.rank))].sort((a, b) => a - b)) {
    // A base was made under the same acts, and only where all of the ledger counted: pins below it hold what lies there.
    const length: number = Math.max(at?.entry.header.seq ?? 0, chain.below);
    const further = pins.filter(({ checkpoint, seq }) => checkpoint.rank === rank && seq > length);
    let limit = Number.POSITIVE_INFINITY;
    const links: ChainLink[] = [];
    for (const { link: id, seq } of further) {
      const link = chain.find(id);
      if (link === undefined || link.entry.header.seq !== seq) limit = Math.min(limit, seq - 1);
      else if (isBehind(chain, at, link)) links.push(link);
    }
    const [first, ...others] = links;
    if (first !== undefined) {
      const deepest = others.reduce((a, b) => (b.entry.header.seq > a.entry.header.seq ? b : a), first);
      if (!links.every((link) => isBehind(chain, link, deepest))) {
        const shared = others.reduce<ChainLink | null>(commonAncestor, first);
        limit = Math.min(limit, shared?.entry.header.seq ?? 0);
      }
      at = deepest;
    }
    if (limit < Number.POSITIVE_INFINITY) return { at: ancestorAt(at, limit), limit };
  }
  return { at, limit: Number.POSITIVE_INFINITY };
}

/** From a link on, null being the beginning, while there is exactly one successor. */
function lastBeforeFork(chain: Chain, from: ChainLink | null): ChainLink | null {
  // From anywhere on the main line it leads to the end of that.
  let at = from === null || isOnMain(chain, from) ? (chain.main.at(-1) ?? null) : from;
  for (;;) {
    const next: readonly ChainLink[] = at === null ? chain.roots : at.next;
    const [only] = next;
    if (only === undefined || next.length > 1) return at;
    at = only;
  }
}

function isOnMain(chain: Chain, link: ChainLink): boolean {
  return chain.mainAt(link.entry.header.seq) === link;
}

/** True if `link` is `ancestor` or builds on it. Everything builds on null, the beginning. */
function isBehind(chain: Chain, ancestor: ChainLink | null, link: ChainLink): boolean {
  if (ancestor === null) return true;
  const { seq } = ancestor.entry.header;
  if (isOnMain(chain, link)) return seq <= link.entry.header.seq && isOnMain(chain, ancestor);
  return ancestorAt(link, seq) === ancestor;
}

/** The link with this number on the way to `link`; itself if it does not go that far. */
function ancestorAt(link: ChainLink | null, seq: number): ChainLink | null {
  let at = link;
  while (at !== null && at.entry.header.seq > seq) at = at.prev;
  return at;
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
  if (!isOnMain(chain, link)) return pathTo(link);
  const length = link.entry.header.seq - chain.below;
  return length === chain.main.length ? chain.main : chain.main.slice(0, length);
}

function commonPrefix(a: readonly ChainLink[], b: readonly ChainLink[]): readonly ChainLink[] {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
