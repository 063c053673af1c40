import { concat } from "../core/bytes.ts";
import { encode } from "../core/encoding.ts";
import { JoinedBytes } from "../core/joined-bytes.ts";
import { lowerBound } from "../core/sorted.ts";
import type { PathWinner } from "../core/view.ts";

interface Place {
  readonly path: string;
  /** Undefined where a tombstone won. */
  winner: PathWinner | undefined;
}

const NOTHING = new Uint8Array(0);
/** From so many changes on, all is sorted and joined anew: each of them by itself would move what stands behind it. */
const MANY = 64;

/** The winning write of every path, in order, and what they add to the state hash without encoding all of them anew. */
export class Winners {
  readonly #byPath = new Map<string, Place>();
  /** Ascending by path; without those that are {@link #fresh}. */
  #ordered: Place[] = [];
  #fresh: Place[] = [];
  /** Places whose bytes are not those of their winner. */
  readonly #changed = new Set<Place>();
  /** What comes before the places, then each of them. */
  #joined = new JoinedBytes([NOTHING]);
  #count = 0;

  get(path: string): PathWinner | undefined {
    return this.#byPath.get(path)?.winner;
  }

  set(path: string, winner: PathWinner | undefined): void {
    let place = this.#byPath.get(path);
    this.#count += Number(winner !== undefined) - Number(place?.winner !== undefined);
    if (place === undefined) {
      place = { path, winner };
      this.#byPath.set(path, place);
      this.#fresh.push(place);
    } else {
      place.winner = winner;
      this.#changed.add(place);
    }
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

  /**
   * `front`, and behind it the canonical encoding of the list of all, as `[path, value, ms, count, log]` each. Read it
   * at once.
   */
  encodedBehind(front: Uint8Array): Uint8Array {
    const ordered = this.#inOrder();
    for (const place of this.#changed) {
      this.#joined.replace(1 + lowerBound(ordered, place.path, pathOf), encodePlace(place));
    }
    this.#changed.clear();
    this.#joined.replace(0, concat(front, listHead(this.#count)));
    return this.#joined.whole;
  }

  #inOrder(): readonly Place[] {
    const fresh = this.#fresh;
    if (fresh.length === 0) return this.#ordered;
    this.#fresh = [];
    if (fresh.length + this.#changed.size > MANY) {
      this.#ordered = [...this.#byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
      this.#joined = new JoinedBytes([NOTHING, ...this.#ordered.map(encodePlace)]);
      this.#changed.clear();
    } else {
      for (const place of fresh) {
        const at = lowerBound(this.#ordered, place.path, pathOf);
        this.#ordered.splice(at, 0, place);
        this.#joined.insert(1 + at, encodePlace(place));
        this.#changed.delete(place);
      }
    }
    return this.#ordered;
  }
}

function pathOf({ path }: Place): string {
  return path;
}

function encodePlace({ path, winner }: Place): Uint8Array {
  if (winner === undefined) return NOTHING;
  const { value, hlc, log } = winner;
  return encode([path, value, hlc.ms, hlc.count, log]);
}

/** The first bytes of an encoded list (RFC 8949 §3, major type 4). */
function listHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(0x80 | length);
  if (length < 0x100) return Uint8Array.of(0x98, length);
  if (length < 0x10000) return Uint8Array.of(0x99, length >> 8, length & 0xff);
  return Uint8Array.of(0x9a, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
}
