import { encode } from "../core/encoding.ts";
import { JoinedBytes } from "../core/joined-bytes.ts";
import type { PathWinner } from "../core/view.ts";

interface Place {
  readonly path: string;
  /** Undefined where a tombstone won. */
  winner: PathWinner | undefined;
  /** Null until it is asked for. */
  encoded: Uint8Array | null;
}

const NOTHING = new Uint8Array(0);

/** The winning write of every path, in order, and what they add to the state hash without encoding all of them anew. */
export class Winners {
  readonly #byPath = new Map<string, Place>();
  readonly #changed = new Set<string>();
  /** Ascending by path; null when a path is new. */
  #ordered: readonly Place[] | null = null;
  #index = new Map<string, number>();
  #encoded = new JoinedBytes([]);
  #count = 0;

  get(path: string): PathWinner | undefined {
    return this.#byPath.get(path)?.winner;
  }

  set(path: string, winner: PathWinner | undefined): void {
    const place = this.#byPath.get(path);
    this.#count += Number(winner !== undefined) - Number(place?.winner !== undefined);
    if (place === undefined) {
      this.#byPath.set(path, { path, winner, encoded: null });
      this.#ordered = null;
    } else {
      place.winner = winner;
      place.encoded = null;
      this.#changed.add(path);
    }
  }

  /** Ascending by path. */
  under(prefix: string): (readonly [path: string, winner: PathWinner])[] {
    return this.#inOrder().flatMap(({ path, winner }) =>
      winner !== undefined && path.startsWith(prefix) ? [[path, winner] as const] : [],
    );
  }

  /** The canonical encoding of the list of all, as `[path, value, ms, count, log]` each. Read it at once. */
  encoded(): { readonly head: Uint8Array; readonly items: Uint8Array } {
    this.#inOrder();
    for (const path of this.#changed) {
      const at = this.#index.get(path);
      if (at !== undefined) this.#encoded.set(at, encodePlace(this.#byPath.get(path) as Place));
    }
    this.#changed.clear();
    return { head: listHead(this.#count), items: this.#encoded.whole };
  }

  #inOrder(): readonly Place[] {
    if (this.#ordered === null) {
      const ordered = [...this.#byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
      this.#index = new Map(ordered.map(({ path }, at) => [path, at]));
      this.#encoded = new JoinedBytes(ordered.map(encodePlace));
      this.#changed.clear();
      this.#ordered = ordered;
    }
    return this.#ordered;
  }
}

function encodePlace(place: Place): Uint8Array {
  const { path, winner } = place;
  if (winner === undefined) return NOTHING;
  const { value, hlc, log } = winner;
  place.encoded ??= encode([path, value, hlc.ms, hlc.count, log]);
  return place.encoded;
}

/** The first bytes of an encoded list (RFC 8949 §3, major type 4). */
function listHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(0x80 | length);
  if (length < 0x100) return Uint8Array.of(0x98, length);
  if (length < 0x10000) return Uint8Array.of(0x99, length >> 8, length & 0xff);
  return Uint8Array.of(0x9a, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
}
