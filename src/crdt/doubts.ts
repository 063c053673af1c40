import type { AuthorityGraph } from "./authority/graph.ts";
import type { Chain } from "./chain.ts";
import { COMPACTING_RANK, type LedgerBounds, type LedgerPin } from "./prefix.ts";

/**
 * Why a ledger of which this machine has only a state below may count otherwise where all of it is known.
 * - `void`: no checkpoint pins it there any more · `cut`: a cut of its writer did not know the checkpoint
 * - `pin`: a checkpoint as senior, or one further up, names a link that is not here · `fork`: links came that lead below
 * - `disagreement`: a peer with the same entries has come to something else, and the state was given by a peer
 */
export type Doubt = "void" | "cut" | "pin" | "fork" | "disagreement";

/** Where a ledger begins that is not here from its first link on. */
export interface Beginning {
  readonly seq: number;
  /** Hex of the link's hash. */
  readonly link: string;
  /** Ids of the acts whose pins below were held true when the links went. */
  readonly judged: ReadonlySet<string>;
}

/** Pins of checkpoints that let what lies below go: others do not hold against a cut, or commit to more than one state. */
export function compacting(pins: readonly LedgerPin[]): LedgerPin[] {
  return pins.filter(({ checkpoint: { rank, body } }) => rank <= COMPACTING_RANK && body.pins.length === 1);
}

/**
 * What acts say against a beginning, null if nothing: then what counts is what counts where all links are known. A ledger
 * that nothing bounds is none, and nobody counts anything of it.
 */
export function doubtOf(
  graph: AuthorityGraph,
  bounds: LedgerBounds | undefined,
  chain: Chain,
  beginning: Beginning,
): Doubt | null {
  if (bounds === undefined) return null;
  const { cuts, pins } = bounds;
  if (cuts.length === 0) return doubtOfPins(graph, pins, chain, beginning, "void");
  for (const cut of cuts) {
    const known = pins.filter(({ checkpoint }) => {
      return checkpoint.rank <= COMPACTING_RANK && graph.isPast(checkpoint.index, cut.index);
    });
    const doubt = doubtOfPins(graph, known, chain, beginning, "cut");
    if (doubt !== null) return doubt;
  }
  return null;
}

function doubtOfPins(
  graph: AuthorityGraph,
  pins: readonly LedgerPin[],
  chain: Chain,
  { seq, link, judged }: Beginning,
  without: Doubt,
): Doubt | null {
  const isIt = (pin: LedgerPin) => pin.seq === seq && pin.link === link;
  const rank = Math.min(...pins.filter(isIt).map(({ checkpoint }) => checkpoint.rank));
  if (rank > COMPACTING_RANK) return without;
  const isFine = (pin: LedgerPin): boolean => {
    // A base further up was made under the same acts, and only where all of the ledger counted.
    if (pin.seq > seq) return pin.seq <= chain.below || chain.find(pin.link)?.entry.header.seq === pin.seq;
    // What a smaller rank has pinned here leaves nothing to say below.
    return isIt(pin) || pin.checkpoint.rank > rank || judged.has(graph.at(pin.checkpoint.index).entry.id);
  };
  return pins.every(isFine) ? null : "pin";
}
