import type { Timer } from "../src/core/ports/clock.ts";

/** A copy that is under way. `C` is what the receiver needs to judge it when it arrives. */
export interface Copy<C> {
  readonly atMs: number;
  readonly way: C;
}

/** Copies that are under way to one link, in the order in which they arrive. */
interface Coming<C> {
  readonly copies: Copy<C>[];
  timer: Timer | null;
}

/** One body that spreads through a mesh, and where: links are counted, so that looking costs no search. */
export class Broadcast<C> {
  readonly body: Uint8Array;
  /** Until when each link knows it again, by number of the link. */
  readonly #seenUntilMs: number[] = [];
  readonly #coming: (Coming<C> | undefined)[] = [];
  #lastMs = 0;

  constructor(body: Uint8Array) {
    this.body = body;
  }

  hasSeen(link: number, nowMs: number): boolean {
    return (this.#seenUntilMs[link] ?? 0) > nowMs;
  }

  /** What is still under way to this link would be dropped there: it does not come. */
  see(link: number, untilMs: number): void {
    this.#seenUntilMs[link] = untilMs;
    this.#lastMs = Math.max(this.#lastMs, untilMs);
    this.#coming[link]?.timer?.cancel();
    this.#coming[link] = undefined;
  }

  /** True if this copy is the first to arrive. */
  add(link: number, copy: Copy<C>): boolean {
    const coming = this.#coming[link];
    if (coming === undefined) {
      this.#coming[link] = { copies: [copy], timer: null };
      this.#lastMs = Math.max(this.#lastMs, copy.atMs);
      return true;
    }
    const { copies } = coming;
    let at = copies.length;
    while (at > 0 && (copies[at - 1] as Copy<C>).atMs > copy.atMs) at--;
    copies.splice(at, 0, copy);
    this.#lastMs = Math.max(this.#lastMs, copy.atMs);
    return at === 0;
  }

  /** The copy that arrives first. */
  first(link: number): Copy<C> | undefined {
    return this.#coming[link]?.copies[0];
  }

  /** Has come, or has not: the next one is the first. */
  dropFirst(link: number): void {
    this.#coming[link]?.copies.shift();
  }

  /** Of all copies only the first is an event. */
  await(link: number, timer: Timer): void {
    const coming = this.#coming[link];
    if (coming === undefined) return timer.cancel();
    coming.timer?.cancel();
    coming.timer = timer;
  }

  /** Nobody knows it any more, and nothing of it is under way. */
  isOver(nowMs: number): boolean {
    return this.#lastMs <= nowMs;
  }
}
