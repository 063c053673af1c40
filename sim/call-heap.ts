import type { Timer } from "../src/core/ports/clock.ts";

/** Cancelled calls stay where they are until so many lie about that sorting the rest anew is cheaper. */
const SWEEP_FROM = 256;

/** Of the machine that waits for a call. */
export interface Power {
  /**
   * - `off`: what waited is forgotten
   * - `paused`: what is due is kept until it goes on
   */
  state: "on" | "off" | "paused";
  readonly kept: Call[];
  /** How long it has slept in all: what it waited for comes so much later. */
  sleptMs: number;
}

export function powerOn(): Power {
  return { state: "on", kept: [], sleptMs: 0 };
}

export class Call implements Timer {
  atMs: number;
  sequence: number;
  /** Null once it ran or was cancelled. */
  run: (() => void) | null;
  readonly power: Power | null;
  /** Of its machine's sleep this much lay behind when it was last put in. */
  sleptMs: number;
  place: "heap" | "kept" = "heap";
  readonly #heap: CallHeap;

  constructor(heap: CallHeap, atMs: number, sequence: number, run: () => void, power: Power | null) {
    this.#heap = heap;
    this.power = power;
    this.atMs = atMs;
    this.sequence = sequence;
    this.run = run;
    this.sleptMs = power?.sleptMs ?? 0;
  }

  cancel(): void {
    if (this.run === null) return;
    this.run = null;
    if (this.place === "heap") this.#heap.noteCancelled();
  }
}

/** Calls in the order of (time, sequence of asking), as a binary heap. */
export class CallHeap {
  #calls: Call[] = [];
  #sequence = 0;
  #cancelled = 0;

  /** Calls that are still to run. */
  get size(): number {
    return this.#calls.length - this.#cancelled;
  }

  add(atMs: number, run: () => void, power: Power | null = null): Call {
    const call = new Call(this, atMs, this.#sequence++, run, power);
    this.#calls.push(call);
    this.#rise(this.#calls.length - 1);
    return call;
  }

  /** One that was taken out, once more. */
  putBack(call: Call, atMs: number): void {
    if (call.run === null) return;
    call.place = "heap";
    call.atMs = atMs;
    call.sequence = this.#sequence++;
    this.#calls.push(call);
    this.#rise(this.#calls.length - 1);
  }

  /** The first call that is still to run. */
  first(): Call | undefined {
    while (this.#calls[0]?.run === null) {
      this.#removeFirst();
      this.#cancelled--;
    }
    return this.#calls[0];
  }

  /** Takes out what {@link first} shows. */
  takeFirst(): Call | undefined {
    const call = this.first();
    if (call !== undefined) this.#removeFirst();
    return call;
  }

  noteCancelled(): void {
    this.#cancelled++;
    if (this.#cancelled < SWEEP_FROM || this.#cancelled * 2 < this.#calls.length) return;
    // A sorted array is a heap.
    this.#calls = this.#calls.filter((call) => call.run !== null).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #removeFirst(): void {
    const last = this.#calls.pop();
    if (last === undefined || this.#calls.length === 0) return;
    this.#calls[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    const calls = this.#calls;
    const call = calls[from] as Call;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = calls[above] as Call;
      if (isBefore(parent, call)) break;
      calls[at] = parent;
      at = above;
    }
    calls[at] = call;
  }

  #sink(from: number): void {
    const calls = this.#calls;
    const call = calls[from] as Call;
    let at = from;
    for (let below = 2 * at + 1; below < calls.length; below = 2 * at + 1) {
      const [left, right] = [calls[below] as Call, calls[below + 1]];
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (isBefore(call, child)) break;
      calls[at] = child;
      at = child === left ? below : below + 1;
    }
    calls[at] = call;
  }
}

function isBefore(a: Call, b: Call): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
