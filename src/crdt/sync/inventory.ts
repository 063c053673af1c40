import { ascii, concat, toHex } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";
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
  readonly digest: Uint8Array;
  readonly item: Item;
}

/** Tips of a chain in one item; only a chain that forked has more than one. */
export const MAX_TIPS = 32;

const KEY_DOMAIN = ascii("lab/1/inventory\0");

/**
 * A replica's heads as a tree with 16 children a node, by the hex digits of the items' keys: equal replicas have equal
 * roots, and unequal ones find what differs without naming everything.
 */
export class Inventory {
  readonly #placed: readonly Placed[];
  readonly #keys: Pick<Keys, "hash">;

  constructor(replica: Replica, keys: Pick<Keys, "hash">) {
    this.#keys = keys;
    const placed: Placed[] = [];
    for (const { entry } of replica.graph.entries) {
      placed.push({ key: entry.id, digest: entry.hash, item: { kind: "authority", id: entry.id } });
    }
    for (const chain of replica.chains.values()) {
      const tips = chain.tips.map(({ entry }) => ({ seq: entry.header.seq, id: entry.id })).sort(byId);
      const key = toHex(keys.hash(concat(KEY_DOMAIN, ascii(`chain ${chain.log} ${chain.class}`))));
      placed.push({
        key,
        digest: keys.hash(ascii(tips.map(({ id }) => id).join())),
        item: { kind: "chain", log: chain.log, class: chain.class, tips: tips.slice(0, MAX_TIPS) },
      });
    }
    for (const [log, observed] of replica.observed) {
      const entries = observed.state === "record" ? [observed.entry] : observed.proof;
      const versions = entries.map(({ header, id }) => ({ seq: header.seq, id })).sort(byId);
      // Any proof of a fork is as good as another: replicas that hold different ones have nothing to exchange.
      const said = observed.state === "forked" ? "forked" : versions.map(({ id }) => id).join();
      const key = toHex(keys.hash(concat(KEY_DOMAIN, ascii(`observed ${log}`))));
      placed.push({ key, digest: keys.hash(ascii(said)), item: { kind: "observed", log, versions } });
    }
    this.#placed = placed.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Items whose key begins with the hex digits. */
  under(prefix: string): readonly Item[] {
    return this.#range(prefix).map(({ item }) => item);
  }

  count(prefix: string): number {
    return this.#range(prefix).length;
  }

  digest(prefix: string): Uint8Array {
    const parts = this.#range(prefix).flatMap(({ key, digest }) => [ascii(key), digest]);
    return this.#keys.hash(concat(...parts));
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
