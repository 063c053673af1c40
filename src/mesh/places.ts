import type { PeerKey } from "../core/ports/link.ts";

/** Requests of one peer that are served at once. A stranger asks one thing: to be enrolled. */
export const REQUESTS_AT_ONCE = { member: 64, stranger: 4 };

/** Who is being served, and in how many places at once. */
export class Places {
  readonly #taken = new Map<PeerKey, number>();

  /** Throws if the peer asks too much at once; else the returned function must be called when it is over. */
  take(peer: PeerKey, most: number): () => void {
    const taken = this.#taken.get(peer) ?? 0;
    if (taken >= most) throw new Error("too many requests at once");
    this.#taken.set(peer, taken + 1);
    return () => {
      const left = (this.#taken.get(peer) ?? 1) - 1;
      if (left > 0) this.#taken.set(peer, left);
      else this.#taken.delete(peer);
    };
  }
}
