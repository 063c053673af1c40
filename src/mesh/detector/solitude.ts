import type { Contact } from "./contacts.ts";

/** After so long without anybody a node knows that it sees nothing. */
const LONE_MS = 2_000;

/**
 * Since when nobody is there, and whether that is a sign of anything:
 * - `lost`: the last connection was lost, or none answers: everybody is doubted
 * - `parted`: the last one ended because the other end has enough others, so that somebody is there
 */
export class Solitude {
  #fromMs: number | null;
  #how: "lost" | "parted" = "lost";

  constructor(nowMs: number) {
    this.#fromMs = nowMs;
  }

  /** This connection was the last. */
  begin(contact: Contact, by: "agreement" | "them", nowMs: number): void {
    this.#how = isParting(contact, by) ? "parted" : "lost";
    this.#fromMs ??= nowMs;
  }

  /** Of all who are connected nobody answers, and has not for long enough. */
  deaf(contacts: Iterable<Contact>, nowMs: number): void {
    if (this.#fromMs !== null) return;
    let count = 0;
    for (const { silentFromMs } of contacts) {
      if (silentFromMs === null || nowMs < silentFromMs + LONE_MS) return;
      count++;
    }
    if (count === 0) return;
    this.#fromMs = nowMs - LONE_MS;
    this.#how = "lost";
  }

  /** Somebody is there. False if that is nothing new. */
  end(): boolean {
    const isNew = this.#fromMs !== null;
    this.#fromMs = null;
    return isNew;
  }

  /** This node was not there to hear anybody. */
  beginAnew(nowMs: number): void {
    if (this.#fromMs !== null) this.#fromMs = nowMs;
  }

  /** When it has lasted long enough; never while somebody is there. */
  get dueMs(): number {
    return this.#fromMs === null ? Number.POSITIVE_INFINITY : this.#fromMs + LONE_MS;
  }

  isLone(nowMs: number): boolean {
    return nowMs >= this.dueMs;
  }

  doubtsAll(nowMs: number): boolean {
    return this.#how === "lost" && this.isLone(nowMs);
  }
}

/** It ended because one of the two has enough others, and not because one of them is gone. */
function isParting({ isLeaving, rttMs, silentFromMs }: Contact, by: "agreement" | "them"): boolean {
  return isLeaving || rttMs === null || (by === "agreement" && silentFromMs === null);
}
