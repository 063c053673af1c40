import type { PeerKey } from "../../core/ports/link.ts";

/** What changed goes along with probes for this long: ten turns of a usual node. */
const NEWS_MS = 20_000;
const AT_ONCE = 8;

/** Whose word has changed lately. */
export class News {
  /** The newest last. */
  readonly #changedMs = new Map<PeerKey, number>();

  tell(member: PeerKey, nowMs: number): void {
    this.#changedMs.delete(member);
    this.#changedMs.set(member, nowMs);
  }

  forget(isKnown: (member: PeerKey) => boolean): void {
    for (const member of this.#changedMs.keys()) if (!isKnown(member)) this.#changedMs.delete(member);
  }

  has(member: PeerKey, nowMs: number): boolean {
    const atMs = this.#changedMs.get(member);
    return atMs !== undefined && nowMs - atMs < NEWS_MS;
  }

  /** The newest first, as many as go along with one message. */
  newest(nowMs: number): readonly PeerKey[] {
    if (this.#changedMs.size === 0) return NOBODY;
    for (const [member, atMs] of this.#changedMs) {
      if (nowMs - atMs < NEWS_MS) break;
      this.#changedMs.delete(member);
    }
    return [...this.#changedMs.keys()].slice(-AT_ONCE).reverse();
  }
}

const NOBODY: readonly PeerKey[] = [];
