import type { Clock, Timer } from "../src/core/ports/clock.ts";
import { type Call, CallHeap, type Power, powerOn } from "./call-heap.ts";

/** When every world begins: 2026-01-01T00:00:00Z. Any date would do but zero, which hides a missing timestamp. */
export const WORLD_BEGINS_MS = 1_767_225_600_000;

/** How wrong a machine's clock is. */
export interface Skew {
  /** Added to the wall clock. */
  readonly offsetMs: number;
  /** How much faster than the world its oscillator runs, in millionths: wall clock, monotonic clock and delays. */
  readonly driftPpm: number;
}

const NO_SKEW: Skew = { offsetMs: 0, driftPpm: 0 };

/**
 * Virtual time of a world, in milliseconds since it began. It stands still until somebody takes the next step, and
 * after each call everything that follows from it at once has happened before it moves on (see {@link settled}).
 */
export class SimClock implements Clock {
  #nowMs = 0;
  #ran = 0;
  readonly #calls = new CallHeap();
  readonly #nodes = new Map<string, NodeClock>();

  now(): number {
    return Math.floor(WORLD_BEGINS_MS + this.#nowMs);
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.at(this.#nowMs + Math.max(delayMs, 0), run);
  }

  /** Runs `run` at that instant, if there is power then; one that has passed counts as now. */
  at(atMs: number, run: () => void, power: Power | null = null): Timer {
    if (Number.isNaN(atMs)) throw new Error("an instant must be a number");
    return this.#calls.add(Math.max(atMs, this.#nowMs), run, power);
  }

  /** Calls that are still to run. */
  get pending(): number {
    return this.#calls.size;
  }

  /** Calls that have run. */
  get ran(): number {
    return this.#ran;
  }

  /**
   * The clock of one machine: the same object for the same name, so that it can be skewed while the machine runs.
   * Without `skew` it stays as it is, at first exact.
   */
  clockFor(node: string, skew?: Partial<Skew>): NodeClock {
    let clock = this.#nodes.get(node);
    if (clock === undefined) {
      clock = new NodeClock(this);
      this.#nodes.set(node, clock);
    }
    if (skew !== undefined) clock.skew(skew);
    return clock;
  }

  /** Moves to the next call and runs it; false if none is left. Whoever calls this lets microtasks run afterwards. */
  runNext(): boolean {
    const call = this.#calls.takeFirst();
    const run = call?.run;
    if (!call || !run) return false;
    this.#nowMs = call.atMs;
    const { power } = call;
    if (power !== null && this.#isLater(call, power)) return true;
    call.run = null;
    this.#ran++;
    if (power?.state !== "off") run();
    return true;
  }

  /** Whether its machine is not there for it now: then the call comes again, and holds nobody up. */
  #isLater(call: Call, power: Power): boolean {
    if (power.state === "paused") {
      call.place = "kept";
      power.kept.push(call);
      return true;
    }
    const sleptMs = power.sleptMs - call.sleptMs;
    if (sleptMs === 0) return false;
    call.sleptMs = power.sleptMs;
    this.#calls.putBack(call, call.atMs + sleptMs);
    return true;
  }

  /** What a pause kept runs now, in its order, or after what was left of it when its machine fell asleep. */
  giveBack(power: Power, sinceMs: number): void {
    for (const call of power.kept.splice(0)) {
      const leftMs = call.sleptMs < power.sleptMs ? call.atMs - sinceMs : 0;
      call.sleptMs = power.sleptMs;
      this.#calls.putBack(call, this.#nowMs + Math.max(0, leftMs));
    }
  }

  /** The next call and everything that follows from it at once; false if none was left. */
  async step(): Promise<boolean> {
    const ran = this.runNext();
    await settled();
    return ran;
  }

  /** All calls up to that instant, at which time then stands still again. */
  async runUntil(atMs: number): Promise<void> {
    await settled();
    for (let next = this.#calls.first(); next !== undefined && next.atMs <= atMs; next = this.#calls.first()) {
      this.runNext();
      await settled();
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  /** Lets time pass until a promise is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let state: "pending" | "settled" = "pending";
    const done = () => {
      state = "settled";
    };
    promise.then(done, done);
    await settled();
    while (state === "pending") if (!(await this.step())) throw new Error("the world stands still and somebody waits");
    return promise;
  }
}

/**
 * Resolves when no microtask is left. Node takes its nextTick queue only once the microtask queue is empty, whatever
 * those microtasks started; a turn of `setImmediate` would do as well, but passes through the whole event loop.
 * What waits for anything else (a timer, the thread pool, a nextTick of its own) is not waited for: agents must not.
 */
export function settled(): Promise<void> {
  return new Promise(resolveNextTick);
}

function resolveNextTick(resolve: () => void): void {
  process.nextTick(resolve);
}

/** One machine's view of a world's time. */
export class NodeClock implements Clock {
  readonly #world: SimClock;
  #skew = NO_SKEW;
  // The last change of drift: from there on local time is counted with the drift of now.
  #worldBaseMs = 0;
  #localBaseMs = 0;
  #power: Power = powerOn();
  #pausedMs = 0;

  constructor(world: SimClock) {
    this.#world = world;
  }

  now(): number {
    return Math.floor(WORLD_BEGINS_MS + this.monotonic() + this.#skew.offsetMs);
  }

  monotonic(): number {
    return this.#localAt(this.#world.monotonic());
  }

  after(delayMs: number, run: () => void): Timer {
    const dueMs = this.monotonic() + Math.max(delayMs, 0);
    let atMs = Math.max(this.#worldBaseMs + (dueMs - this.#localBaseMs) / this.#rate, this.#world.monotonic());
    // Rounding may end before the time; then whoever asks for the rest may get a delay that moves no clock, for ever.
    while (this.#localAt(atMs) < dueMs) atMs += Math.max(1e-6, atMs * 4 * Number.EPSILON);
    return this.#world.at(atMs, run, this.#power);
  }

  /** How wrong the wall clock is. */
  get offsetMs(): number {
    return this.#skew.offsetMs;
  }

  /** Sets the clock or changes its pace; what is not named stays. Calls that wait keep their instant. */
  skew(change: Partial<Skew>): void {
    const localMs = this.monotonic();
    this.#worldBaseMs = this.#world.monotonic();
    this.#localBaseMs = localMs;
    this.#skew = { ...this.#skew, ...change };
  }

  /** The machine loses power: none of the calls that wait will run. */
  crash(): void {
    this.#power.state = "off";
    this.#power.kept.length = 0;
    this.#power = powerOn();
  }

  /** Nothing runs on the machine any more, until {@link goOn} or {@link wakeUp}; its clocks go on. */
  pause(): void {
    this.#power.state = "paused";
    this.#pausedMs = this.#world.monotonic();
  }

  /** A collector of garbage has come to its end: all that was due is done now. */
  goOn(): void {
    if (this.#power.state !== "paused") return;
    this.#power.state = "on";
    this.#world.giveBack(this.#power, this.#pausedMs);
  }

  /** A lid was opened: the machine knows the time of day, and nothing of the time in between. */
  wakeUp(): void {
    if (this.#power.state !== "paused") return;
    const sleptMs = this.#world.monotonic() - this.#pausedMs;
    const sleptHereMs = sleptMs * this.#rate;
    this.#power.state = "on";
    this.#power.sleptMs += sleptMs;
    this.skew({ offsetMs: this.#skew.offsetMs + sleptHereMs });
    this.#localBaseMs -= sleptHereMs;
    this.#world.giveBack(this.#power, this.#pausedMs);
  }

  get #rate(): number {
    return 1 + this.#skew.driftPpm / 1e6;
  }

  #localAt(worldMs: number): number {
    return this.#localBaseMs + (worldMs - this.#worldBaseMs) * this.#rate;
  }
}
