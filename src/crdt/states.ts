import { equalBytes, toHex } from "../core/bytes.ts";
import type { DiskRecord } from "../core/ports/disk.ts";
import type { Keys } from "../core/ports/keys.ts";
import { recurringHex } from "../core/recurring-hex.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import { Chain, type ChainAnswer, type ChainBase, chainId } from "./chain.ts";
import { checkpointState, currentWrites } from "./checkpoint.ts";
import { type Beginning, compacting, type Doubt, doubtOf } from "./doubts.ts";
import { type ChainHeader, type Entry, isChain } from "./entry/entry.ts";
import type { KeptLedger, LedgerBounds } from "./prefix.ts";
import { chainKey, type EntryStore, type StoredState } from "./store/entry-store.ts";
import type { StateRecord } from "./store/state-record.ts";

/** A ledger that begins with what it had come to. */
interface Stated extends Beginning {
  readonly entry: Entry<ChainHeader>;
  readonly record: StateRecord;
  /** A peer with the same entries shows something else. */
  readonly isDisputed: boolean;
}

/** The links below a pin, and what goes in their place. */
export interface Drop {
  readonly chain: Chain;
  readonly base: ChainBase;
  readonly record: StateRecord;
}

/**
 * Ledgers of which this machine has only what they had come to with a pinned link, and what lies above: on disk, in
 * doubt, and on their way back to the whole.
 */
export class States {
  readonly #keys: Pick<Keys, "hash">;
  readonly #store: EntryStore;
  /** By `chainId`. */
  readonly #stated = new Map<string, Stated>();
  /** By `chainId`: what is here of what lies below, from the first link on. Empty if what came leads nowhere. */
  readonly #below = new Map<string, Chain>();
  #pending: DiskRecord[] = [];

  constructor(keys: Pick<Keys, "hash">, store: EntryStore) {
    this.#keys = keys;
    this.#store = store;
  }

  load(stored: Iterable<StoredState>, parse: (bytes: Uint8Array) => Entry | string): void {
    for (const { state, last } of stored) {
      const entry = parse(last);
      if (typeof entry !== "string" && isChain(entry)) this.#state(entry, state);
    }
  }

  #state(entry: Entry<ChainHeader>, record: StateRecord): void {
    const judged = new Set(record.base.bounds);
    const stated = { seq: entry.header.seq, link: entry.id, judged, entry, record, isDisputed: false };
    this.#stated.set(idOf(entry), stated);
  }

  of({ log, class: chainClass }: Pick<Chain, "log" | "class">): Stated | undefined {
    // Mostly all ledgers are whole, and this is asked of every link.
    if (this.#stated.size === 0) return undefined;
    return this.#stated.get(chainId(log, chainClass));
  }

  get all(): Iterable<Stated> {
    return this.#stated.values();
  }

  /** The same ledger from its state on. */
  beginning(known: Chain): Chain | null {
    const stated = this.of(known);
    return stated === undefined ? null : chainFrom(this.#keys, baseOf(stated));
  }

  baseOf(known: Pick<Chain, "log" | "class">): ChainBase | null {
    const stated = this.of(known);
    return stated === undefined ? null : baseOf(stated);
  }

  /** What came of the links below. */
  below({ log, class: chainClass }: Pick<Chain, "log" | "class">): Chain | undefined {
    if (this.#below.size === 0) return undefined;
    return this.#below.get(chainId(log, chainClass));
  }

  /** Whether an entry is here. A link that a state stands for is not, for whoever goes on from what lies below. */
  has(known: Chain, id: string): boolean {
    if (this.below(known)?.find(id) !== undefined) return true;
    return known.find(id) !== undefined && this.of(known)?.link !== id;
  }

  /** Whether an entry belongs to what lies below, and not to the ledger as it is here. */
  takes(known: Chain, { id, header }: Entry<ChainHeader>): boolean {
    const stated = this.of(known);
    if (stated === undefined) return false;
    const below = this.below(known);
    if (id === stated.link) return below !== undefined;
    return header.seq <= stated.seq || (below?.find(toHex(header.prev)) !== undefined && known.find(id) === undefined);
  }

  /** The ledger itself when with this entry all of it is here. */
  add(known: Chain, entry: Entry<ChainHeader>): ChainAnswer & { readonly whole?: Chain } {
    const stated = this.of(known) as Stated;
    const below = this.below(known) ?? new Chain(this.#keys, entry.header.log, entry.header.class, known.key);
    this.#below.set(idOf(entry), below);
    const answer = below.add(entry);
    // It leads elsewhere, or what is between has not come: the whole is asked for.
    if (answer.state === "waiting") return { state: "known" };
    if (answer.state !== "admitted") return answer;
    if (entry.id === stated.link) return { ...answer, whole: this.#join(known, below, stated) };
    if (stated.record.below === "gone") {
      const record: StateRecord = { ...stated.record, below: "partly" };
      this.#stated.set(idOf(entry), { ...stated, record });
      this.#pending.push(this.#store.stateRecord(stated.entry, record));
    }
    return answer;
  }

  #join(known: Chain, below: Chain, stated: Stated): Chain {
    for (const { entry } of known.links()) below.add(entry);
    this.#stated.delete(idOf(stated.entry));
    this.#below.delete(idOf(stated.entry));
    this.#store.unplaced(stated.entry);
    this.#pending.push(this.#store.stateRecord(stated.entry, "whole"));
    return below;
  }

  /** Records that go to the disk along with what was admitted. */
  takePending(): readonly DiskRecord[] {
    return this.#pending.splice(0);
  }

  /** A peer with the same entries shows something else: what was given may be wrong. */
  dispute(): void {
    for (const [id, stated] of this.#stated) {
      if (stated.record.from === "given") this.#stated.set(id, { ...stated, isDisputed: true });
    }
  }

  doubtOf(graph: AuthorityGraph, bounds: LedgerBounds | undefined, chain: Chain): Doubt | null {
    const stated = this.of(chain);
    if (stated === undefined) return null;
    if (stated.isDisputed) return "disagreement";
    if (this.below(chain) !== undefined) return "fork";
    return doubtOf(graph, bounds, chain, stated);
  }

  /** Where the ledger may begin from now on; null if nothing lets more of it go. For one that is read whole. */
  droppable(
    graph: AuthorityGraph,
    { pins, cuts }: LedgerBounds,
    chain: Chain,
    kept: KeptLedger | undefined,
    isOld: (checkpoint: string) => boolean,
  ): Drop | null {
    const countsWhole = kept?.end.end === "open" && kept.links.length === chain.main.length;
    if (cuts.length > 0 || !countsWhole || chain.shape === "forked" || this.below(chain) !== undefined) return null;
    const actOf = (index: number) => graph.at(index).entry.id;
    const old = compacting(pins)
      .filter(({ seq, checkpoint }) => seq > chain.letGo + 1 && isOld(actOf(checkpoint.index)))
      .sort((a, b) => b.seq - a.seq);
    for (const { seq, link, checkpoint } of old) {
      const last = chain.mainAt(seq);
      if (last?.entry.id !== link || last.entry.header.more > 0 || last.entry.signatures.length === 0) continue;
      const links = chain.main.slice(0, seq - chain.below);
      // Whoever begins with it has to believe its hash.
      if (!equalBytes(checkpointState(this.#keys, [links]), checkpoint.body.state)) continue;
      const before = this.of(chain)?.judged;
      const bounds = pins
        .filter((pin) => pin.seq <= seq && chain.mainAt(pin.seq)?.entry.id === pin.link)
        .map((pin) => actOf(pin.checkpoint.index))
        .concat(...(before ?? []))
        .sort();
      const base = { entry: last.entry, next: last.end, writes: currentWrites(links) };
      const beginning = { seq, link, judged: new Set(bounds) };
      if (doubtOf(graph, { pins, cuts, log: chain.log, class: chain.class }, chain, beginning) !== null) continue;
      return { chain, base, record: recordOf(base, bounds, "own", "gone") };
    }
    return null;
  }

  /** What lies below goes; the ledger as it is from then on. */
  drop({ chain, base, record }: Drop): Chain {
    const rest = chain.main.slice(base.entry.header.seq - chain.below);
    const from = chainFrom(this.#keys, base);
    for (const { entry } of rest) from.add(entry);
    this.#state(base.entry, record);
    return from;
  }

  /** A ledger that a peer gave what it had come to; of which `known` is here, and stays. */
  begin(base: ChainBase, record: StateRecord, known: Chain | undefined): Chain {
    this.#state(base.entry, record);
    if (known !== undefined) this.#below.set(idOf(base.entry), known);
    return chainFrom(this.#keys, base);
  }
}

export function recordOf(
  { entry, next, writes }: ChainBase,
  bounds: readonly string[],
  from: StateRecord["from"],
  below: StateRecord["below"],
): StateRecord {
  return { base: { last: chainKey(entry), bounds, next, writes }, from, below };
}

function baseOf({ entry, record: { base } }: Stated): ChainBase {
  return { entry, next: base.next, writes: base.writes };
}

function chainFrom(keys: Pick<Keys, "hash">, base: ChainBase): Chain {
  const { log, class: chainClass, key, seq } = base.entry.header;
  return new Chain(keys, log, chainClass, recurringHex(key), base, seq - 1);
}

function idOf({ header }: Entry<ChainHeader>): string {
  return chainId(recurringHex(header.log), header.class);
}
