import { ascii, concat } from "../core/bytes.ts";
import { encode } from "../core/encoding.ts";
import type { Keys } from "../core/ports/keys.ts";
import { lowerBound } from "../core/sorted.ts";
import type { PathWinner } from "../core/view.ts";

interface Place {
  readonly path: string;
  /** Undefined where a tombstone won. */
  winner: PathWinner | undefined;
  /** Null until the digest is asked for. */
  leaf: Leaf | null;
}

/** The places of 1 in 256 paths. */
interface Leaf {
  /** 0 to 255: the branch in the high half. */
  readonly number: number;
  /** Ascending by path. */
  readonly places: Place[];
}

const FANOUT = 16;
const DIGEST_BYTES = 32;
/** From so many changes on, all is sorted anew: each of them by itself would move what stands behind it. */
const MANY = 64;

/**
 * The winning write of every path, in order, and their digest: that of a tree with 16 branches of 16 leaves, in which
 * the hash of a path says where it hangs (`docs/protocol/ledgers.md`). A change costs one leaf, not all that there is.
 */
export class Winners {
  readonly #byPath = new Map<string, Place>();
  /** Ascending by path; without those that are {@link #fresh}. */
  #ordered: Place[] = [];
  #fresh: Place[] = [];
  /** Places that changed since the last digest. */
  readonly #changed = new Set<Place>();
  readonly #leaves = new Map<number, Leaf>();
  #tree: DigestTree | null = null;

  get(path: string): PathWinner | undefined {
    return this.#byPath.get(path)?.winner;
  }

  set(path: string, winner: PathWinner | undefined): void {
    let place = this.#byPath.get(path);
    if (place === undefined) {
      place = { path, winner, leaf: null };
      this.#byPath.set(path, place);
      this.#fresh.push(place);
    } else place.winner = winner;
    this.#changed.add(place);
  }

  /** Ascending by path. */
  under(prefix: string): (readonly [path: string, winner: PathWinner])[] {
    const ordered = this.#inOrder();
    const found: (readonly [string, PathWinner])[] = [];
    for (let at = lowerBound(ordered, prefix, pathOf); at < ordered.length; at++) {
      const { path, winner } = ordered[at] as Place;
      if (!path.startsWith(prefix)) break;
      if (winner !== undefined) found.push([path, winner]);
    }
    return found;
  }

  digest(keys: Pick<Keys, "hash">): Uint8Array {
    this.#tree ??= new DigestTree(keys);
    const touched = new Set<Leaf>();
    for (const place of this.#changed) {
      place.leaf ??= this.#hang(place, keys);
      touched.add(place.leaf);
    }
    this.#changed.clear();
    for (const { number, places } of touched) this.#tree.set(number, joined(places));
    return this.#tree.root;
  }

  #hang(place: Place, keys: Pick<Keys, "hash">): Leaf {
    const [number = 0] = keys.hash(ascii(place.path));
    let leaf = this.#leaves.get(number);
    if (leaf === undefined) {
      leaf = { number, places: [] };
      this.#leaves.set(number, leaf);
    }
    leaf.places.splice(lowerBound(leaf.places, place.path, pathOf), 0, place);
    return leaf;
  }

  #inOrder(): readonly Place[] {
    if (this.#fresh.length > MANY) {
      this.#ordered = [...this.#byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    } else {
      for (const place of this.#fresh) {
        this.#ordered.splice(lowerBound(this.#ordered, place.path, pathOf), 0, place);
      }
    }
    this.#fresh = [];
    return this.#ordered;
  }
}

/** Sixteen branches of sixteen leaves; each keeps the digests below it side by side, as they are hashed. */
class DigestTree {
  readonly #keys: Pick<Keys, "hash">;
  readonly #branches: readonly Uint8Array[];
  readonly #top: Uint8Array;
  #root: Uint8Array | null = null;

  constructor(keys: Pick<Keys, "hash">) {
    this.#keys = keys;
    const branch = repeated(keys.hash(NOTHING));
    this.#branches = Array.from({ length: FANOUT }, () => new Uint8Array(branch));
    this.#top = repeated(keys.hash(branch));
  }

  set(leaf: number, bytes: Uint8Array): void {
    const [high, low] = [leaf >> 4, leaf % FANOUT];
    const branch = this.#branches[high] as Uint8Array;
    branch.set(this.#keys.hash(bytes), low * DIGEST_BYTES);
    this.#top.set(this.#keys.hash(branch), high * DIGEST_BYTES);
    this.#root = null;
  }

  get root(): Uint8Array {
    this.#root ??= this.#keys.hash(this.#top);
    return this.#root;
  }
}

function repeated(digest: Uint8Array): Uint8Array {
  return concat(...Array.from({ length: FANOUT }, () => digest));
}

function pathOf({ path }: Place): string {
  return path;
}

const NOTHING = new Uint8Array(0);

function joined(places: readonly Place[]): Uint8Array {
  const [only] = places;
  return places.length === 1 && only !== undefined ? encodePlace(only) : concat(...places.map(encodePlace));
}

function encodePlace({ path, winner }: Place): Uint8Array {
  if (winner === undefined) return NOTHING;
  const { value, hlc, log } = winner;
  return encode([path, value, hlc.ms, hlc.count, log]);
}
