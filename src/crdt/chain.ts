import { toHex } from "../core/bytes.ts";
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

/**
 * A fork is proved by two entries; more branches prove nothing new, and a thief could make them without end.
 */
const MAX_BRANCHES = 16;

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
  readonly #cursor: DocumentCursor | null;
  #forked = false;

  constructor(keys: Pick<Keys, "hash">, log: Uint8Array, chainClass: number, key: string) {
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
    const prevId = toHex(header.prev);
    const prev = header.seq === 1 ? null : (this.#byId.get(prevId) ?? null);
    if (header.seq > 1 && prev === null) return { state: "waiting", missing: [prevId] };
    const refusal = this.#refusal(entry, prev);
    if (refusal !== null) return { state: "refused", reason: refusal };

    const extends_ = !this.#forked && prev === (this.#main.at(-1) ?? null);
    let writes: readonly LedgerWrite[] = [];
    if (this.#cursor !== null) {
      try {
        const cursor = extends_ ? this.#cursor : this.#cursorAt(prev);
        writes = cursor.advance(entry.payload, header.hlc);
      } catch (error) {
        if (error instanceof MalformedError) return { state: "refused", reason: error.message };
        throw error;
      }
    }
    const link: ChainLink = { entry, prev, writes, next: [] };
    this.#byId.set(entry.id, link);
    (prev?.next ?? this.#roots).push(link);
    if (prev !== null) this.#tips.delete(prev.entry.id);
    this.#tips.set(entry.id, link);
    if (extends_) this.#main.push(link);
    else this.#cutMain(prev);
    return { state: "admitted", link, forked: !extends_ };
  }

  #refusal(entry: Entry<ChainHeader>, prev: ChainLink | null): string | null {
    const { header } = entry;
    if (header.seq === 1 && header.prev.some((byte) => byte !== 0)) return "the first entry of a chain has no predecessor";
    if (prev !== null) {
      const before = prev.entry.header;
      if (header.seq !== before.seq + 1) return "the sequence does not continue";
      if (compareHlc(header.hlc, before.hlc) <= 0) return "the clock does not go on";
      if (before.more > 0 && header.more !== before.more - 1) return "a batch is broken off";
    }
    if (this.#tips.size >= MAX_BRANCHES && (prev?.next ?? this.#roots).length > 0) return "the chain has forked often enough";
    return null;
  }

  #cutMain(prev: ChainLink | null): void {
    const length = prev?.entry.header.seq ?? 0;
    this.#forked = true;
    if (length < this.#main.length) this.#main = this.#main.slice(0, length);
  }

  /** Rebuilds the document along one branch; only forks need it. */
  #cursorAt(link: ChainLink | null): DocumentCursor {
    const cursor = (this.#cursor as DocumentCursor).fresh();
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
