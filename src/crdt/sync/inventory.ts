import { ascii, concat, toHex } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { lowerBound } from "../../core/sorted.ts";
import type { Chain } from "../chain.ts";
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
  /** Key and digest: what the item adds to the digest of every node above it. */
  readonly bytes: Uint8Array;
  readonly item: Item;
}

function place(key: string, digest: Uint8Array, item: Item): Placed {
  return { key, bytes: concat(ascii(key), digest), item };
}

/** Tips of a chain in one item; only a chain that forked has more than one. */
export const MAX_TIPS = 32;

const KEY_DOMAIN = ascii("lab/1/inventory\0");

/** Below this many items a place is told and digested whole, not by its children. */
const LEAF_ITEMS = 64;

/** From so many new items on, all is sorted anew: each of them by itself would move what stands behind it. */
const MANY = 64;

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
  /**
   * Of places of the tree that were asked for and have not changed since. What lies below a leaf is not among them:
   * a peer whose tree is deeper, or who says so, names as many such places as it likes.
   */
  readonly #digests = new Map<string, Uint8Array>();
  /** Digits of the longest place among them. */
  #deepest = 0;
  #authorityCount = 0;
  /** As the replica lists them, which never changes its order but by taking one out. */
  #chains: { readonly chain: Chain; readonly size: number; readonly placed: Placed }[] = [];
  #observed: { readonly state: ObservedState; readonly placed: Placed }[] = [];
  /** Of a place where there is nothing. */
  readonly #nothing: Uint8Array;

  constructor(replica: Replica, keys: Pick<Keys, "hash">) {
    this.#keys = keys;
    this.#nothing = keys.hash(new Uint8Array(0));
    this.update(replica);
  }

  /** Takes over what has changed: mostly one item in many, as entries never change, and a chain only by growing. */
  update(replica: Replica): void {
    const changed: Placed[] = [];
    for (; this.#authorityCount < replica.graph.entries.length; this.#authorityCount++) {
      const { entry } = replica.graph.at(this.#authorityCount);
      changed.push(place(entry.id, entry.hash, { kind: "authority", id: entry.id }));
    }
    let at = 0;
    for (const chain of replica.chains.values()) {
      const known = this.#chains[at];
      if (known !== undefined && (known.chain.log !== chain.log || known.chain.class !== chain.class)) {
        return this.#beginAnew(replica);
      }
      if (known?.chain !== chain || known.size !== chain.size) {
        const placed = this.#placeChain(chain, known?.placed.key);
        this.#chains[at] = { chain, size: chain.size, placed };
        changed.push(placed);
      }
      at++;
    }
    if (at < this.#chains.length) return this.#beginAnew(replica);
    at = 0;
    for (const state of replica.observed.values()) {
      const known = this.#observed[at];
      if (known?.state !== state) {
        const placed = this.#placeObserved(state, known?.placed.key);
        this.#observed[at] = { state, placed };
        changed.push(placed);
      }
      at++;
    }
    this.#replace(changed);
  }

  /** A chain went again: what covered its only links was refused. */
  #beginAnew(replica: Replica): void {
    [this.#authorityCount, this.#chains, this.#observed, this.#placed] = [0, [], [], []];
    this.#digests.clear();
    this.update(replica);
  }

  #replace(changed: readonly Placed[]): void {
    if (changed.length > MANY) {
      const byKey = new Map([...this.#placed, ...changed].map((placed) => [placed.key, placed]));
      this.#placed = [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
      this.#digests.clear();
      return;
    }
    for (const placed of changed) {
      const at = lowerBound(this.#placed, placed.key, treeKey);
      this.#placed.splice(at, Number(this.#placed[at]?.key === placed.key), placed);
      for (let digits = 0; digits <= this.#deepest; digits++) this.#digests.delete(placed.key.slice(0, digits));
    }
  }

  #placeChain(chain: Chain, key = this.#keyOf(`chain ${chain.log} ${chain.class}`)): Placed {
    const tips = chain.tips.map(({ entry }) => ({ seq: entry.header.seq, id: entry.id })).sort(byId);
    const digest = this.#keys.hash(ascii(tips.map(({ id }) => id).join()));
    return place(key, digest, { kind: "chain", log: chain.log, class: chain.class, tips: tips.slice(0, MAX_TIPS) });
  }

  #placeObserved(observed: ObservedState, knownKey?: string): Placed {
    const reports = reportsOf(observed);
    const log = toHex((reports[0] as Entry<ObservedHeader>).header.log);
    const versions = reports.map(({ header, id }) => ({ seq: header.seq, id })).sort(byId);
    // Any proof of a fork is as good as another: replicas that hold different ones have nothing to exchange.
    const said = observed.state === "forked" ? "forked" : versions.map(({ id }) => id).join();
    const key = knownKey ?? this.#keyOf(`observed ${log}`);
    return place(key, this.#keys.hash(ascii(said)), { kind: "observed", log, versions });
  }

  #keyOf(name: string): string {
    return toHex(this.#keys.hash(concat(KEY_DOMAIN, ascii(name))));
  }

  /** Items whose key begins with the hex digits. */
  under(prefix: string): readonly Item[] {
    return this.#range(prefix).map(({ item }) => item);
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
    const items = this.#range(prefix);
    return items.length === 0 ? this.#nothing : this.#keys.hash(concat(...items.map(({ bytes }) => bytes)));
  }

  children(prefix: string): Uint8Array[] {
    return DIGITS.map((digit) => this.digest(prefix + digit));
  }

  #range(prefix: string): readonly Placed[] {
    return this.#placed.slice(...this.#bounds(prefix));
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
