import { ascii, concat, toHex } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { lowerBound } from "../../core/sorted.ts";
import { type Chain, chainId } from "../chain.ts";
import type { Entry, ObservedHeader } from "../entry/entry.ts";
import { type ObservedState, reportsOf } from "../observed.ts";
import type { Replica } from "../replica.ts";

/** One thing that can differ between two replicas. */
export type Item =
  | { readonly kind: "authority"; readonly id: string }
  | { readonly kind: "chain"; readonly log: string; readonly class: number; readonly tips: readonly Tip[] }
  | { readonly kind: "observed"; readonly log: string; readonly versions: readonly Tip[] };

export interface Tip {
  readonly seq: number;
  readonly id: string;
}

interface Placed {
  /** Hex; decides the place in the tree. */
  readonly key: string;
  readonly item: Item;
}

/** With the digest of what the item says. */
interface Change extends Placed {
  readonly digest: Uint8Array;
}

const KEY_BYTES = 64;
/** Key and digest: what an item adds to the digest of every node above it. */
const ITEM_BYTES = KEY_BYTES + 32;

/** Tips of a chain in one item; only a chain that forked has more than one. */
export const MAX_TIPS = 32;

const KEY_DOMAIN = ascii("lab/1/inventory\0");

/** Below this many items a place is told and digested whole, not by its children. */
const LEAF_ITEMS = 64;

/** From so many new items on, all is sorted anew: each of them by itself would move what stands behind it. */
const MANY = 64;
/** For so many items more there is room before all are copied. */
const ROOM = 64;

const DIGITS = [..."0123456789abcdef"];
/** Comes after every digit. */
const BEYOND = "g";

/**
 * A replica's heads as a tree with 16 children a node, by the hex digits of the items' keys: equal replicas have equal
 * roots, and unequal ones find what differs without naming everything. A change costs what stands on the way from it to
 * the root.
 */
export class Inventory {
  readonly #keys: Pick<Keys, "hash">;
  /** Ascending by key. */
  #placed: Placed[] = [];
  /** Of the same items, side by side as they are hashed; behind them is room for more. */
  #bytes = new Uint8Array(0);
  /**
   * Of places of the tree that were asked for and have not changed since. What lies below a leaf is not among them:
   * a peer whose tree is deeper, or who says so, names as many such places as it likes.
   */
  readonly #digests = new Map<string, Uint8Array>();
  /** Digits of the longest place among them. */
  #deepest = 0;
  #authorityCount = 0;
  readonly #chains = new Map<string, { readonly chain: Chain; readonly size: number; readonly key: string }>();
  readonly #observed = new Map<string, { readonly state: ObservedState; readonly key: string }>();
  /** How many changes of the replica are here; null before the first look. */
  #changes: number | null = null;
  /** Of a place where there is nothing. */
  readonly #nothing: Uint8Array;

  constructor(replica: Replica, keys: Pick<Keys, "hash">) {
    this.#keys = keys;
    this.#nothing = keys.hash(new Uint8Array(0));
    this.update(replica);
  }

  /** Takes over what has changed: mostly one item in many, as entries never change, and a chain only by growing. */
  update(replica: Replica): void {
    const changed: Change[] = [];
    for (; this.#authorityCount < replica.graph.entries.length; this.#authorityCount++) {
      const { entry } = replica.graph.at(this.#authorityCount);
      changed.push({ key: entry.id, digest: entry.hash, item: { kind: "authority", id: entry.id } });
    }
    const touched = this.#changes === null ? null : replica.changes.since(this.#changes);
    this.#changes = replica.changes.count;
    for (const one of touched ?? [...replica.chains.values(), ...replica.observed.keys()]) {
      const change = typeof one === "string" ? this.#reportIn(replica, one) : this.#chainIn(replica, one);
      if (change !== null) changed.push(change);
    }
    this.#replace(changed);
  }

  #chainIn(replica: Replica, { log, class: chainClass }: Chain): Change | null {
    const id = chainId(log, chainClass);
    const chain = replica.chains.get(id);
    const known = this.#chains.get(id);
    if (chain === undefined || (known?.chain === chain && known.size === chain.size)) return null;
    const change = this.#placeChain(chain, known?.key);
    this.#chains.set(id, { chain, size: chain.size, key: change.key });
    return change;
  }

  #reportIn(replica: Replica, log: string): Change | null {
    const state = replica.observed.get(log);
    const known = this.#observed.get(log);
    if (state === undefined || known?.state === state) return null;
    const change = this.#placeObserved(state, known?.key);
    this.#observed.set(log, { state, key: change.key });
    return change;
  }

  #replace(changed: readonly Change[]): void {
    if (changed.length > MANY) return this.#merge(changed);
    for (const change of changed) {
      const { key, item } = change;
      const at = lowerBound(this.#placed, key, treeKey);
      if (this.#placed[at]?.key === key) this.#placed[at] = { key, item };
      else this.#insert(at, { key, item });
      this.#bytes.set(change.digest, at * ITEM_BYTES + KEY_BYTES);
      for (let digits = 0; digits <= this.#deepest; digits++) this.#digests.delete(key.slice(0, digits));
    }
  }

  #insert(at: number, placed: Placed): void {
    const end = this.#placed.length * ITEM_BYTES;
    if (end + ITEM_BYTES > this.#bytes.length) {
      const roomier = new Uint8Array((this.#placed.length + ROOM) * ITEM_BYTES);
      roomier.set(this.#bytes);
      this.#bytes = roomier;
    }
    this.#bytes.copyWithin((at + 1) * ITEM_BYTES, at * ITEM_BYTES, end);
    this.#bytes.set(ascii(placed.key), at * ITEM_BYTES);
    this.#placed.splice(at, 0, placed);
  }

  /** All anew, in order. */
  #merge(changed: readonly Change[]): void {
    const before = this.#bytes;
    const kept = this.#placed.map(({ key, item }, i): Change => {
      const end = (i + 1) * ITEM_BYTES;
      return { key, item, digest: before.subarray(end - ITEM_BYTES + KEY_BYTES, end) };
    });
    const byKey = new Map([...kept, ...changed].map((change) => [change.key, change]));
    const all = [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    this.#bytes = new Uint8Array((all.length + ROOM) * ITEM_BYTES);
    for (const [i, { key, digest }] of all.entries()) {
      this.#bytes.set(ascii(key), i * ITEM_BYTES);
      this.#bytes.set(digest, i * ITEM_BYTES + KEY_BYTES);
    }
    this.#placed = all.map(({ key, item }) => ({ key, item }));
    this.#digests.clear();
  }

  #placeChain(chain: Chain, key = this.#keyOf(`chain ${chain.log} ${chain.class}`)): Change {
    const tips = chain.tips.map(({ entry }) => ({ seq: entry.header.seq, id: entry.id })).sort(byId);
    const digest = this.#keys.hash(ascii(tips.map(({ id }) => id).join()));
    const item = { kind: "chain", log: chain.log, class: chain.class, tips: tips.slice(0, MAX_TIPS) } as const;
    return { key, digest, item };
  }

  #placeObserved(observed: ObservedState, knownKey?: string): Change {
    const reports = reportsOf(observed);
    const log = toHex((reports[0] as Entry<ObservedHeader>).header.log);
    const versions = reports.map(({ header, id }) => ({ seq: header.seq, id })).sort(byId);
    // Any proof of a fork is as good as another: replicas that hold different ones have nothing to exchange.
    const said = observed.state === "forked" ? "forked" : versions.map(({ id }) => id).join();
    const key = knownKey ?? this.#keyOf(`observed ${log}`);
    return { key, digest: this.#keys.hash(ascii(said)), item: { kind: "observed", log, versions } };
  }

  #keyOf(name: string): string {
    return toHex(this.#keys.hash(concat(KEY_DOMAIN, ascii(name))));
  }

  /** Items whose key begins with the hex digits. */
  under(prefix: string): readonly Item[] {
    return this.#placed.slice(...this.#bounds(prefix)).map(({ item }) => item);
  }

  /** Whether the place is told by its items, and not by its children. */
  isLeaf(prefix: string): boolean {
    const [from, to] = this.#bounds(prefix);
    return to - from <= LEAF_ITEMS || prefix.length >= 64;
  }

  digest(prefix: string): Uint8Array {
    const known = this.#digests.get(prefix);
    if (known !== undefined) return known;
    if (prefix !== "" && this.isLeaf(prefix.slice(0, -1))) return this.#digestOfItems(prefix);
    const digest = this.isLeaf(prefix)
      ? this.#digestOfItems(prefix)
      : this.#keys.hash(concat(...this.children(prefix)));
    this.#digests.set(prefix, digest);
    this.#deepest = Math.max(this.#deepest, prefix.length);
    return digest;
  }

  #digestOfItems(prefix: string): Uint8Array {
    const [from, to] = this.#bounds(prefix);
    return from === to ? this.#nothing : this.#keys.hash(this.#bytes.subarray(from * ITEM_BYTES, to * ITEM_BYTES));
  }

  children(prefix: string): Uint8Array[] {
    return DIGITS.map((digit) => this.digest(prefix + digit));
  }

  #bounds(prefix: string): [from: number, to: number] {
    if (prefix === "") return [0, this.#placed.length];
    return [lowerBound(this.#placed, prefix, treeKey), lowerBound(this.#placed, prefix + BEYOND, treeKey)];
  }
}

function treeKey({ key }: Placed): string {
  return key;
}

function byId(a: Tip, b: Tip): number {
  return a.id < b.id ? -1 : 1;
}
