import { equalBytes, toHex } from "../core/bytes.ts";
import { MalformedError } from "../core/encoding.ts";
import { compareHlc } from "../core/hlc.ts";
import type { Keys } from "../core/ports/keys.ts";
import { type ChainHeader, CLASS_DESIRED, type Entry } from "./entry/entry.ts";
import { DocumentCursor } from "./ledger/document-cursor.ts";
import type { LedgerWrite } from "./ledger/update-codec.ts";

export interface ChainLink {
  readonly entry: Entry<ChainHeader>;
  readonly prev: ChainLink | null;
  /** What a desired-state entry writes; empty for other classes. */
  readonly writes: readonly LedgerWrite[];
  readonly next: ChainLink[];
}

export type ChainAnswer =
  | { readonly state: "admitted"; readonly link: ChainLink; readonly forked: boolean }
  | { readonly state: "known" }
  | { readonly state: "waiting"; readonly missing: readonly string[] }
  | { readonly state: "refused"; readonly reason: string };

/** One single-writer chain. Normally a line; a writer that signs two successors makes it a tree, which is kept as proof. */
export class Chain {
  readonly log: string;
  readonly class: number;
  readonly key: string;
  readonly #byId = new Map<string, ChainLink>();
  readonly #roots: ChainLink[] = [];
  readonly #tips = new Map<string, ChainLink>();
  /** The entries up to the first fork. */
  #main: ChainLink[] = [];
  #cursor: DocumentCursor | null;
  /** The branch of a fork that was read last, so that one that comes in order is not read anew for every link. */
  #branch: { tip: ChainLink | null; cursor: DocumentCursor } | null = null;
  #forked = false;
  readonly #keys: Pick<Keys, "hash">;
  readonly #logBytes: Uint8Array;

  constructor(keys: Pick<Keys, "hash">, log: Uint8Array, chainClass: number, key: string) {
    this.#keys = keys;
    this.#logBytes = log;
    this.log = toHex(log);
    this.class = chainClass;
    this.key = key;
    this.#cursor = chainClass === CLASS_DESIRED ? new DocumentCursor(keys, log) : null;
  }

  /** The longest prefix that has exactly one successor everywhere. */
  get main(): readonly ChainLink[] {
    return this.#main;
  }

  /** - `line`: one history · `forked`: the writer signed two, and nothing after the fork counts */
  get shape(): "line" | "forked" {
    return this.#forked ? "forked" : "line";
  }

  /** First links: more than one only if the writer forked at once. */
  get roots(): readonly ChainLink[] {
    return this.#roots;
  }

  get tips(): readonly ChainLink[] {
    return [...this.#tips.values()];
  }

  get size(): number {
    return this.#byId.size;
  }

  find(id: string): ChainLink | undefined {
    return this.#byId.get(id);
  }

  /** All links, every entry after its predecessor. */
  links(): ChainLink[] {
    return [...this.#byId.values()];
  }

  /** The state of the document after the last entry of {@link main}: what the writer's next update must continue. */
  get document(): DocumentCursor | null {
    return this.#cursor;
  }

  /** Adds an entry whose signature (or that of a descendant) has been checked. */
  add(entry: Entry<ChainHeader>): ChainAnswer {
    if (this.#byId.has(entry.id)) return { state: "known" };
    const { header } = entry;
    const last = this.#main.at(-1) ?? null;
    // Mostly the chain goes on where it ended.
    const isNext = last !== null && equalBytes(last.entry.hash, header.prev);
    const prev = isNext ? last : header.seq === 1 ? null : (this.#byId.get(toHex(header.prev)) ?? null);
    if (header.seq > 1 && prev === null) return { state: "waiting", missing: [toHex(header.prev)] };
    const refusal = this.#refusal(entry, prev);
    if (refusal !== null) return { state: "refused", reason: refusal };

    const extends_ = !this.#forked && prev === last;
    const cursor = extends_ ? this.#cursor : this.#cursorAt(prev);
    let writes: readonly LedgerWrite[] = [];
    try {
      if (cursor !== null) writes = cursor.advance(entry.payload, header.hlc);
    } catch (error) {
      if (error instanceof MalformedError) return { state: "refused", reason: error.message };
      throw error;
    }
    const link: ChainLink = { entry, prev, writes, next: [] };
    if (cursor !== null && !extends_) this.#branch = { tip: link, cursor };
    this.#byId.set(entry.id, link);
    (prev?.next ?? this.#roots).push(link);
    if (prev !== null) this.#tips.delete(prev.entry.id);
    this.#tips.set(entry.id, link);
    if (extends_) this.#main.push(link);
    else this.#cutMain(prev);
    return { state: "admitted", link, forked: !extends_ };
  }

  /** The same chain as if these entries, and what builds on them, had never come. */
  without(entries: ReadonlySet<Entry>): Chain {
    const chain = new Chain(this.#keys, this.#logBytes, this.class, this.key);
    for (const { entry } of this.links()) if (!entries.has(entry)) chain.add(entry);
    return chain;
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
    const length = prev?.entry.header.seq ?? 0;
    this.#forked = true;
    if (length >= this.#main.length) return;
    this.#main = this.#main.slice(0, length);
    this.#cursor = this.#cursorAt(prev);
  }

  /** The document at the end of one branch; only forks need it. */
  #cursorAt(link: ChainLink | null): DocumentCursor | null {
    if (this.#cursor === null) return null;
    if (this.#branch?.tip === link && link !== null) return this.#branch.cursor;
    const cursor = this.#cursor.fresh();
    for (const step of pathTo(link)) cursor.advance(step.entry.payload, step.entry.header.hlc);
    return cursor;
  }
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
