import type { PeerKey } from "../core/ports/link.ts";

/** Of one member: four requests or answers of the largest size. */
const MAX_BYTES_PER_PEER = 16 * 1024 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;

/** Requests that are not whole yet and answers that are not sent yet: what peers can make this node hold. */
export class Transfers {
  readonly #bytes = new Map<PeerKey, number>();
  #total = 0;

  /** Throws if that is too much; else the returned function must be called when it is over. */
  hold(peer: PeerKey, bytes: number): () => void {
    const held = this.#bytes.get(peer) ?? 0;
    if (held + bytes > MAX_BYTES_PER_PEER || this.#total + bytes > MAX_BYTES) throw new Error("too much at once");
    this.#bytes.set(peer, held + bytes);
    this.#total += bytes;
    return () => {
      const left = (this.#bytes.get(peer) ?? 0) - bytes;
      if (left > 0) this.#bytes.set(peer, left);
      else this.#bytes.delete(peer);
      this.#total -= bytes;
    };
  }
}
