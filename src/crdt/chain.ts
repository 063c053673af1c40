import { isHexOf, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { compareHlc, HLC_ZERO, type Hlc } from "../core/hlc.ts";
import type { Keys } from "../core/ports/keys.ts";
import { recurringHex } from "../core/recurring-hex.ts";
import { type ChainHeader, type Entry, isLedgerClass } from "./entry/entry.ts";
import { type EntryReader, UPDATES } from "./entry-reader.ts";
import { DocumentCursor } from "./ledger/document-cursor.ts";
import type { LedgerWrite } from "./ledger/update-codec.ts";

export interface ChainLink {
  readonly entry: Entry<ChainHeader>;
  readonly prev: ChainLink | null;
  /** What a desired-state entry writes; empty for other classes. Of a base: all that it sums up. */
  readonly writes: readonly LinkWrite[];
  /** Of a ledger: the clock of the item that comes after those of this link. */
  readonly end: number;
  /** None or one, where the writer did not fork. */
  next: ChainLink[];
}

/** A write, and with `origin` the earlier entry that made it. */
export interface LinkWrite extends LedgerWrite {
  readonly origin?: WriteOrigin;
}

export interface WriteOrigin {
  /** Id of the entry. */
  readonly entry: string;
  readonly hlc: Hlc;
  /** Of the document's item. */
  readonly clock: number;
}

/**
 * Where a chain begins that is not read from its first link on: its last link, and what it and all before it have come
 * to. What lies below is not here; whoever needs that reads the chain anew.
 */
export interface ChainBase {
  readonly entry: Entry<ChainHeader>;
  /** Of a ledger: the clock of the item that comes after those of `entry`. */
  readonly next: number;
  /** Of a ledger: for each path the write that holds its value; ascending by clock. */
  readonly writes: readonly SummedWrite[];
}

/** The write that holds a path's value, whose `over` is all that the ledger ever superseded there. */
export interface SummedWrite extends LedgerWrite {
  readonly origin: WriteOrigin;
}

export type ChainAnswer =
  | { readonly state: "admitted"; readonly link: ChainLink; readonly forked: boolean }
  | { readonly state: "known" }
  | { readonly state: "waiting"; readonly missing: readonly string[] }
  | { readonly state: "refused"; readonly reason: string };

const NO_WRITES: readonly LedgerWrite[] = [];

/** Branches whose ends are remembered; an honest writer has two at the most. */
const MAX_CURSORS = 8;

/** One single-writer chain. Normally a line; a writer that signs two successors makes it a tree, which is kept as proof. */
export class Chain {
  readonly log: string;
  readonly class: number;
  readonly key: string;
  /** How many links are not here, because a base sums them up, or because they were let go of. */
  readonly below: number;
  #letGo: number;
  readonly #byId = new Map<string, ChainLink>();
  readonly #roots: ChainLink[] = [];
  readonly #tips = new Map<string, ChainLink>();
  /** The entries up to the first fork. */
  #main: ChainLink[];
  /** The branch that came first, to its end. */
  readonly #trunk: ChainLink[] = [];
  /** Stands at the end of the trunk. */
  readonly #cursor: DocumentCursor | null;
  /** Stand at the ends of other branches, so that one that comes in order is not read anew for every link. */
  readonly #branches = new Map<ChainLink, DocumentCursor>();

  constructor(
    keys: Pick<Keys, "hash">,
    log: Uint8Array,
    chainClass: number,
    key: string,
    base: ChainBase | null = null,
    letGo = 0,
  ) {
    this.log = toHex(log);
    this.class = chainClass;
    this.key = key;
    this.#main = this.#trunk;
    this.below = base === null ? 0 : base.entry.header.seq - 1;
    this.#letGo = letGo;
    this.#cursor = isLedgerClass(chainClass) ? cursorAt(keys, log, base) : null;
    if (base !== null) this.#begin(base);
  }

  #begin({ entry, writes, next }: ChainBase): void {
    const link: ChainLink = { entry, prev: null, writes, end: next, next: [] };
    this.#roots.push(link);
    this.#trunk.push(link);
    this.#byId.set(entry.id, link);
    this.#tips.set(entry.id, link);
  }

  /** The longest prefix that has exactly one successor everywhere. */
  get main(): readonly ChainLink[] {
    return this.#main;
  }

  /** - `line`: one history · `forked`: the writer signed two, and nothing after the fork counts */
  get shape(): "line" | "forked" {
    return this.#main === this.#trunk ? "line" : "forked";
  }

  /** First links: more than one only if the writer forked at once. */
  get roots(): readonly ChainLink[] {
    return this.#roots;
  }

  get tips(): readonly ChainLink[] {
    return [...this.#tips.values()];
  }

  /** Links, those below a base included. */
  get size(): number {
    return this.#byId.size + this.below;
  }

  /** How many of the first links are nowhere on this machine any more. */
  get letGo(): number {
    return this.#letGo;
  }

  /** Links that this machine has, in memory or on its disk. */
  get held(): number {
    return this.size - this.#letGo;
  }

  /** Links that are on the disk only. */
  get unread(): number {
    return this.below - this.#letGo;
  }

  /**
   * This chain without what lies before one of its links. Itself where all of that is below its base anyway.
   * For a chain that has not forked.
   */
  from(keys: Pick<Keys, "hash">, beginning: Entry<ChainHeader>): Chain {
    const { seq } = beginning.header;
    if (seq <= this.below + 1) {
      this.#letGo = seq - 1;
      return this;
    }
    const [first, ...rest] = this.#main.slice(seq - this.below - 1);
    if (first?.entry.id !== beginning.id) throw new Error("a chain begins with one of its links");
    const chain = Chain.beginningWith(keys, beginning);
    for (const { entry } of rest) chain.add(entry);
    return chain;
  }

  /** A chain of which no more is known than this link. Of class audit: nothing is folded from what came before. */
  static beginningWith(keys: Pick<Keys, "hash">, entry: Entry<ChainHeader>): Chain {
    const { log, class: chainClass, key, seq } = entry.header;
    return new Chain(keys, log, chainClass, recurringHex(key), { entry, next: 0, writes: [] }, seq - 1);
  }

  /** The link with this number on the longest prefix without a fork. */
  mainAt(seq: number): ChainLink | undefined {
    return this.#main[seq - this.below - 1];
  }

  find(id: string): ChainLink | undefined {
    return this.#byId.get(id);
  }

  /** All links, every entry after its predecessor. */
  links(): ChainLink[] {
    return [...this.#byId.values()];
  }

  /** The document after a link (null: at the beginning), which the writer's next update there must continue. */
  documentAt(link: ChainLink | null): DocumentCursor | null {
    return this.#cursor === null ? null : this.#cursorAt(this.#cursor, link).copy();
  }

  /** Adds an entry whose signature (or that of a descendant) has been checked. */
  add(entry: Entry<ChainHeader>, reader: Pick<EntryReader, "update"> = UPDATES): ChainAnswer {
    if (this.#byId.has(entry.id)) return { state: "known" };
    const { header } = entry;
    const last = this.#main.at(-1) ?? null;
    // Mostly the chain goes on where it ended.
    const isNext = last !== null && isHexOf(last.entry.id, header.prev);
    const prev = isNext ? last : header.seq === 1 ? null : (this.#byId.get(toHex(header.prev)) ?? null);
    if (prev === null && header.seq <= this.#letGo + 1 && this.#letGo > 0) return { state: "known" };
    if (header.seq > 1 && prev === null) return { state: "waiting", missing: [toHex(header.prev)] };
    const refusal = this.#refusal(entry, prev);
    if (refusal !== null) return { state: "refused", reason: refusal };

    const end = this.#trunk.at(-1) ?? null;
    const cursor = this.#cursor === null ? null : prev === end ? this.#cursor : this.#cursorAt(this.#cursor, prev);
    let writes = NO_WRITES;
    try {
      if (cursor !== null) writes = cursor.moveBy(reader.update(entry));
    } catch (error) {
      if (error instanceof MalformedError) return { state: "refused", reason: error.message };
      throw error;
    }
    const link: ChainLink = { entry, prev, writes, end: cursor?.next ?? 0, next: [] };
    const siblings = prev?.next ?? this.#roots;
    const isFork = siblings.length > 0;
    // Mostly there is one for good, and one that is pushed takes the room of many.
    if (prev !== null && !isFork) prev.next = [link];
    else siblings.push(link);
    this.#byId.set(entry.id, link);
    if (prev !== null) this.#tips.delete(prev.entry.id);
    this.#tips.set(entry.id, link);
    if (prev === end) this.#trunk.push(link);
    else if (cursor !== null) this.#keepCursor(prev, link, cursor);
    if (isFork) this.#cutMain(prev);
    return { state: "admitted", link, forked: isFork };
  }

  /** Takes out again what nothing builds on but what is taken out, too: as if it had never come. */
  remove(entries: ReadonlySet<Entry>): void {
    for (const link of this.links().toReversed()) if (entries.has(link.entry)) this.#removeTip(link);
  }

  #removeTip(link: ChainLink): void {
    const { entry, prev, writes } = link;
    const siblings = prev?.next ?? this.#roots;
    siblings.splice(siblings.indexOf(link), 1);
    this.#byId.delete(entry.id);
    this.#tips.delete(entry.id);
    if (prev !== null && prev.next.length === 0) this.#tips.set(prev.entry.id, prev);
    this.#branches.delete(link);
    if (this.#trunk.at(-1) === link) {
      this.#trunk.pop();
      this.#cursor?.retreat(writes);
    }
    if (siblings.length === 1) this.#main = this.#mainLine();
  }

  /** Looked for from the beginning: only where a fork has gone again. */
  #mainLine(): ChainLink[] {
    if (this.#roots.length > 1) return [];
    const fork = this.#trunk.findIndex(({ next }) => next.length > 1);
    return fork === -1 ? this.#trunk : this.#trunk.slice(0, fork + 1);
  }

  #refusal(entry: Entry<ChainHeader>, prev: ChainLink | null): string | null {
    if (prev === null) return null;
    const { header } = entry;
    const before = prev.entry.header;
    if (header.seq !== before.seq + 1) return "the sequence does not continue";
    if (compareHlc(header.hlc, before.hlc) <= 0) return "the clock does not go on";
    if (before.more > 0 && header.more !== before.more - 1) return "a batch is broken off";
    return null;
  }

  #cutMain(prev: ChainLink | null): void {
    const length = prev === null ? 0 : prev.entry.header.seq - this.below;
    if (length < this.#main.length && (prev === null || this.#trunk[length - 1] === prev)) {
      this.#main = this.#trunk.slice(0, length);
    }
  }

  /** A branch that has gone on; where there are many, the one that went on longest ago is read anew. */
  #keepCursor(before: ChainLink | null, link: ChainLink, cursor: DocumentCursor): void {
    if (before !== null) this.#branches.delete(before);
    this.#branches.set(link, cursor);
    const [oldest] = this.#branches.keys();
    if (this.#branches.size > MAX_CURSORS && oldest !== undefined) this.#branches.delete(oldest);
  }

  /** Reads what has left the trunk, and nothing that lies before. */
  #cursorAt(trunk: DocumentCursor, link: ChainLink | null): DocumentCursor {
    const known = link === null ? undefined : this.#branches.get(link);
    if (known !== undefined) return known;
    const side: ChainLink[] = [];
    let at = link;
    while (at !== null && this.#trunk[at.entry.header.seq - this.below - 1] !== at) {
      side.push(at);
      at = at.prev;
    }
    const cursor = trunk.back(at?.end ?? 0);
    for (const step of side.reverse()) cursor.advance(step.entry.payload, step.entry.header.hlc);
    return cursor;
  }
}

function cursorAt(keys: Pick<Keys, "hash">, log: Uint8Array, base: ChainBase | null): DocumentCursor {
  if (base === null) return new DocumentCursor(keys, log);
  const places = base.writes.map(({ path, origin }) => [path, origin.clock] as const);
  return DocumentCursor.at(keys, log, base.next, places);
}

/** The links from the first to this one. */
export function pathTo(link: ChainLink | null): ChainLink[] {
  const path: ChainLink[] = [];
  for (let at = link; at !== null; at = at.prev) path.push(at);
  return path.reverse();
}

/** A batch counts as a whole: drops what follows the last complete one. */
export function completeBatches(links: readonly ChainLink[]): readonly ChainLink[] {
  let length = links.length;
  while (length > 0 && links[length - 1]?.entry.header.more !== 0) length--;
  return length === links.length ? links : links.slice(0, length);
}

/** The latest reading at an end of these chains that is not after `limitMs`. */
export function newestEnd(chains: Iterable<Chain>, limitMs: number): Hlc {
  let latest = HLC_ZERO;
  for (const { tips } of chains) {
    for (const { entry } of tips) {
      const { hlc } = entry.header;
      if (hlc.ms <= limitMs && compareHlc(hlc, latest) > 0) latest = hlc;
    }
  }
  return latest;
}

/** More than the logs that one mesh names often. */
const MOST_NAMED = 8192;
const named = new Map<string, Map<number, string>>();

/** The text of the last time: maps find that faster than a new one. */
export function chainId(log: string, chainClass: number): string {
  let ids = named.get(log);
  if (ids === undefined) {
    if (named.size >= MOST_NAMED) named.clear();
    ids = new Map();
    named.set(log, ids);
  }
  let id = ids.get(chainClass);
  if (id === undefined) {
    id = `${log}/${chainClass}`;
    ids.set(chainClass, id);
  }
  return id;
}
