import { isHexOf, toHex } from "../core/bytes.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { ChainHeader, Entry } from "./entry/entry.ts";
import { verificationsOf } from "./entry/signatures.ts";

/** The end of a writer's chain, as somebody once saw it. */
export interface RememberedHead {
  readonly seq: number;
  /** Hex. */
  readonly hash: string;
}

/**
 * What is wrong with a writer's chain, from `seq` to `to`.
 * - `edited`: it is not what its writer signed · `missing`: it was there, or must have been · `moved`: it stands elsewhere
 *   than its number says · `forked`: its writer signed two entries of this number · `foreign`: written by another key
 */
export interface ChainFlaw {
  readonly problem: "edited" | "missing" | "moved" | "forked" | "foreign";
  readonly seq: number;
  readonly to: number;
}

/**
 * Looks through one writer's chain as it was kept or handed on, in the order in which it stands: numbers without gaps,
 * each entry naming the one before, every signature good and the last entry signed, and the heads that were seen before
 * still in it. Entries before number `from` may have been let go of. Empty if all of it holds.
 */
export async function checkChain(
  keys: Pick<Keys, "hash" | "hash512" | "verifyAll">,
  key: string,
  entries: readonly Entry<ChainHeader>[],
  remembered: readonly RememberedHead[],
  from = 1,
): Promise<ChainFlaw[]> {
  const flaws: ChainFlaw[] = [];
  const flaw = (problem: ChainFlaw["problem"], seq: number, to = seq) => flaws.push({ problem, seq, to });
  const bySeq = new Map<number, Entry<ChainHeader>>();
  let highest = 0;
  for (const entry of entries) {
    const { seq, key: writer } = entry.header;
    const other = bySeq.get(seq);
    if (other !== undefined && other.id !== entry.id) flaw("forked", seq);
    else if (seq < highest) flaw("moved", seq);
    if (toHex(writer) !== key) flaw("foreign", seq);
    bySeq.set(seq, other ?? entry);
    highest = Math.max(highest, seq);
  }
  const expected = Math.max(highest, ...remembered.map(({ seq }) => seq));
  for (const [seq, to] of gaps(bySeq, from, expected)) flaw("missing", seq, to);
  const edited = await badlySigned(keys, [...bySeq.values()]);
  for (const [seq, entry] of bySeq) {
    const before = bySeq.get(seq - 1);
    // Whose own signature is good says truly what stood before it.
    if (before !== undefined && !edited.has(seq) && !isHexOf(before.id, entry.header.prev)) edited.add(seq - 1);
  }
  for (const { seq, hash } of remembered) {
    const entry = bySeq.get(seq);
    if (entry !== undefined && entry.id !== hash) edited.add(seq);
  }
  for (const seq of edited) flaw("edited", seq);
  const last = bySeq.get(highest);
  if (last?.signatures.length === 0 && !edited.has(highest)) flaw("missing", highest + 1);
  return flaws.sort((a, b) => a.seq - b.seq);
}

/** Runs of numbers that are not there. */
function gaps(bySeq: ReadonlyMap<number, unknown>, from: number, last: number): [seq: number, to: number][] {
  const runs: [number, number][] = [];
  const present = [...bySeq.keys()].sort((a, b) => a - b);
  let next = from;
  for (const seq of [...present, last + 1]) {
    if (seq > next) runs.push([next, seq - 1]);
    next = Math.max(next, seq + 1);
  }
  return runs;
}

/** Numbers of the entries that carry signatures, none of which is good. */
async function badlySigned(
  keys: Pick<Keys, "hash" | "hash512" | "verifyAll">,
  entries: readonly Entry<ChainHeader>[],
): Promise<Set<number>> {
  const signed = entries.filter(({ signatures }) => signatures.length > 0);
  const items = signed.flatMap((entry) =>
    verificationsOf(keys, entry).map((item) => ({ seq: entry.header.seq, ...item })),
  );
  const verdicts = await keys.verifyAll(items);
  const good = new Set(items.filter((_, i) => verdicts[i]).map(({ seq }) => seq));
  return new Set(signed.map(({ header }) => header.seq).filter((seq) => !good.has(seq)));
}
