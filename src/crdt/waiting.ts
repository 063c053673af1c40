import { toHex } from "../core/bytes.ts";
import { type AuthorityHeader, type Entry, isAuthority, isChain } from "./entry/entry.ts";
import { fittingLot } from "./parking-lot.ts";

/** Entries that wait for what they build on, in the order in which they came, and which of them others may set free. */
export class Waiting {
  #entries: ReadonlyMap<string, Entry> = new Map();
  /** Those whose own signature was found good: nobody can make us check them again. */
  #signed: ReadonlySet<Entry> = new Set();
  #acts: readonly Entry<AuthorityHeader>[] = [];
  /** By the link that they follow; null until somebody asks. */
  #followers: ReadonlyMap<string, readonly Entry[]> | null = null;

  get size(): number {
    return this.#entries.size;
  }

  get signed(): ReadonlySet<Entry> {
    return this.#signed;
  }

  get acts(): readonly Entry<AuthorityHeader>[] {
    return this.#acts;
  }

  values(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** All that waits from now on. */
  replace(entries: readonly Entry[], signed: ReadonlySet<Entry>): void {
    this.#entries = new Map(entries.map((entry) => [entry.id, entry]));
    this.#signed = signed;
    this.#acts = entries.filter(isAuthority);
    this.#followers = null;
  }

  /** After a look at what was touched and what came with it: `waiting` of them go on doing so, in the old order. */
  settle(
    touched: readonly Entry[],
    waiting: readonly Entry[],
    freshSigned: ReadonlySet<Entry>,
    isKnownKey: (key: string) => boolean,
  ): void {
    if (touched.length + waiting.length === 0) return;
    const wasTouched = new Set(touched);
    const still = new Map(waiting.map((entry) => [entry.id, entry]));
    const all: Entry[] = [];
    for (const entry of this.#entries.values()) {
      const now = wasTouched.has(entry) ? still.get(entry.id) : entry;
      if (now !== undefined) all.push(now);
      still.delete(entry.id);
    }
    const left = fittingLot([...all, ...still.values()], isKnownKey);
    const known = this.#signed;
    this.replace(left, new Set(left.filter((entry) => known.has(entry) || freshSigned.has(entry))));
  }

  /**
   * What has to be looked at again when these come, in its order. An act of authority may open any log; a link helps
   * those that follow it, and those before it that it covers.
   */
  touchedBy(fresh: readonly Entry[]): readonly Entry[] {
    if (this.#entries.size === 0) return [];
    if (fresh.some(isAuthority)) return [...this.#entries.values()];
    const touched = new Set<Entry>();
    const queue = [...fresh];
    const touch = (entry: Entry | undefined) => {
      if (entry === undefined || touched.has(entry)) return;
      touched.add(entry);
      queue.push(entry);
    };
    for (let i = 0; i < queue.length; i++) {
      const entry = queue[i] as Entry;
      touch(this.#entries.get(entry.id));
      for (const follower of this.#following(entry)) touch(follower);
      if (isChain(entry)) touch(this.#entries.get(toHex(entry.header.prev)));
    }
    if (touched.size < 2) return [...touched];
    return [...this.#entries.values()].filter((entry) => touched.has(entry));
  }

  #following({ id }: Entry): readonly Entry[] {
    this.#followers ??= followersOf(this.#entries.values());
    return this.#followers.get(id) ?? [];
  }
}

function followersOf(entries: Iterable<Entry>): ReadonlyMap<string, readonly Entry[]> {
  const followers = new Map<string, Entry[]>();
  for (const entry of entries) {
    if (!isChain(entry)) continue;
    const prev = toHex(entry.header.prev);
    const known = followers.get(prev);
    if (known === undefined) followers.set(prev, [entry]);
    else known.push(entry);
  }
  return followers;
}
