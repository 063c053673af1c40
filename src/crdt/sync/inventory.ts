import { ascii, concat, toHex } from "../../core/bytes.ts";
import { JoinedBytes } from "../../core/joined-bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Chain } from "../chain.ts";
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

/** Places of what was there before. Entries and states never change, and a chain only by growing. */
interface Memory {
  readonly authority: Placed[];
  readonly chains: WeakMap<Chain, { readonly size: number; readonly placed: Placed }>;
  readonly observed: WeakMap<ObservedState, Placed>;
}

function emptyMemory(): Memory {
  return { authority: [], chains: new WeakMap(), observed: new WeakMap() };
}

function place(key: string, digest: Uint8Array, item: Item): Placed {
  return { key, bytes: concat(ascii(key), digest), item };
}

/** Tips of a chain in one item; only a chain that forked has more than one. */
export const MAX_TIPS = 32;

const KEY_DOMAIN = ascii("lab/1/inventory\0");

/**
 * A replica's heads as a tree with 16 children a node, by the hex digits of the items' keys: equal replicas have equal
 * roots, and unequal ones find what differs without naming everything.
 */
export class Inventory {
  readonly #placed: Placed[];
  readonly #keys: Pick<Keys, "hash">;
  readonly #memory: Memory;
  readonly #joined: JoinedBytes;
  #root: Uint8Array | null = null;

  /** What has not changed since the inventory `before` is taken over from it: mostly one item in many is new. */
  constructor(replica: Replica, keys: Pick<Keys, "hash">, before?: Inventory) {
    this.#keys = keys;
    this.#memory = before === undefined ? emptyMemory() : before.#memory;
    const { authority, chains, observed } = this.#memory;
    const changed: Placed[] = [];
    for (const { entry } of replica.graph.entries.slice(authority.length)) {
      const placed = place(entry.id, entry.hash, { kind: "authority", id: entry.id });
      authority.push(placed);
      changed.push(placed);
    }
    const placed = [...authority];
    for (const chain of replica.chains.values()) {
      let known = chains.get(chain);
      if (known?.size !== chain.size) {
        known = { size: chain.size, placed: this.#placeChain(chain, known?.placed.key) };
        chains.set(chain, known);
        changed.push(known.placed);
      }
      placed.push(known.placed);
    }
    for (const [log, state] of replica.observed) {
      let known = observed.get(state);
      if (known === undefined) {
        known = this.#placeObserved(log, state);
        observed.set(state, known);
        changed.push(known);
      }
      placed.push(known);
    }
    const places =
      before === undefined || before.#placed.length !== placed.length ? null : placesOf(before.#placed, changed);
    if (before !== undefined && places !== null) {
      // Nobody looks at the one before any more: its bytes go on as those of this one.
      this.#joined = before.#joined;
      this.#placed = [...before.#placed];
      for (const [i, at] of places.entries()) this.#replace(at, changed[i] as Placed);
    } else {
      this.#placed = placed.sort((a, b) => (a.key < b.key ? -1 : 1));
      this.#joined = new JoinedBytes(this.#placed.map(({ bytes }) => bytes));
    }
  }

  #replace(at: number, item: Placed): void {
    this.#placed[at] = item;
    this.#joined.set(at, item.bytes);
  }

  #placeChain(chain: Chain, key = this.#keyOf(`chain ${chain.log} ${chain.class}`)): Placed {
    const tips = chain.tips.map(({ entry }) => ({ seq: entry.header.seq, id: entry.id })).sort(byId);
    const digest = this.#keys.hash(ascii(tips.map(({ id }) => id).join()));
    return place(key, digest, { kind: "chain", log: chain.log, class: chain.class, tips: tips.slice(0, MAX_TIPS) });
  }

  #placeObserved(log: string, observed: ObservedState): Placed {
    const versions = reportsOf(observed)
      .map(({ header, id }) => ({ seq: header.seq, id }))
      .sort(byId);
    // Any proof of a fork is as good as another: replicas that hold different ones have nothing to exchange.
    const said = observed.state === "forked" ? "forked" : versions.map(({ id }) => id).join();
    return place(this.#keyOf(`observed ${log}`), this.#keys.hash(ascii(said)), { kind: "observed", log, versions });
  }

  #keyOf(name: string): string {
    return toHex(this.#keys.hash(concat(KEY_DOMAIN, ascii(name))));
  }

  /** Items whose key begins with the hex digits. */
  under(prefix: string): readonly Item[] {
    return this.#range(prefix).map(({ item }) => item);
  }

  count(prefix: string): number {
    return this.#range(prefix).length;
  }

  digest(prefix: string): Uint8Array {
    if (prefix !== "") return this.#keys.hash(concat(...this.#range(prefix).map(({ bytes }) => bytes)));
    this.#root ??= this.#keys.hash(this.#joined.whole);
    return this.#root;
  }

  children(prefix: string): Uint8Array[] {
    return [..."0123456789abcdef"].map((digit) => this.digest(prefix + digit));
  }

  #range(prefix: string): readonly Placed[] {
    if (prefix === "") return this.#placed;
    const from = lowerBound(this.#placed, prefix);
    let to = from;
    while (this.#placed[to]?.key.startsWith(prefix)) to++;
    return this.#placed.slice(from, to);
  }
}

/** Where each of the items stands; null if one of them has no place yet. */
function placesOf(placed: readonly Placed[], items: readonly Placed[]): readonly number[] | null {
  const places = items.map(({ key }) => lowerBound(placed, key));
  return places.every((at, i) => placed[at]?.key === items[i]?.key) ? places : null;
}

function lowerBound(placed: readonly Placed[], prefix: string): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((placed[middle] as Placed).key < prefix) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byId(a: Tip, b: Tip): number {
  return a.id < b.id ? -1 : 1;
}
