import { ascii, concat, toHex } from "../../core/bytes.ts";
import { JoinedBytes } from "../../core/joined-bytes.ts";
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

/** From so many new items on, all is sorted and joined anew: each of them by itself would move what stands behind it. */
const MANY = 64;

/**
 * A replica's heads as a tree with 16 children a node, by the hex digits of the items' keys: equal replicas have equal
 * roots, and unequal ones find what differs without naming everything.
 */
export class Inventory {
  readonly #keys: Pick<Keys, "hash">;
  /** Ascending by key. */
  #placed: Placed[] = [];
  #joined = new JoinedBytes([]);
  #authorityCount = 0;
  /** As the replica lists them, which never changes its order but by taking one out. */
  #chains: { readonly chain: Chain; readonly size: number; readonly placed: Placed }[] = [];
  #observed: { readonly state: ObservedState; readonly placed: Placed }[] = [];
  #root: Uint8Array | null = null;

  constructor(replica: Replica, keys: Pick<Keys, "hash">) {
    this.#keys = keys;
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
    [this.#authorityCount, this.#chains, this.#observed] = [0, [], []];
    this.#arrange([]);
    this.update(replica);
  }

  #replace(changed: readonly Placed[]): void {
    if (changed.length === 0) return;
    this.#root = null;
    if (changed.length > MANY) {
      const byKey = new Map([...this.#placed, ...changed].map((placed) => [placed.key, placed]));
      this.#arrange([...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1)));
      return;
    }
    for (const placed of changed) {
      const at = lowerBound(this.#placed, placed.key, treeKey);
      if (this.#placed[at]?.key === placed.key) {
        this.#placed[at] = placed;
        this.#joined.replace(at, placed.bytes);
      } else {
        this.#placed.splice(at, 0, placed);
        this.#joined.insert(at, placed.bytes);
      }
    }
  }

  #arrange(placed: Placed[]): void {
    this.#root = null;
    this.#placed = placed;
    this.#joined = new JoinedBytes(placed.map(({ bytes }) => bytes));
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
    const from = lowerBound(this.#placed, prefix, treeKey);
    let to = from;
    while (this.#placed[to]?.key.startsWith(prefix)) to++;
    return this.#placed.slice(from, to);
  }
}

function treeKey({ key }: Placed): string {
  return key;
}

function byId(a: Tip, b: Tip): number {
  return a.id < b.id ? -1 : 1;
}
