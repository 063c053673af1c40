import type { DetectorEffect } from "./event.ts";

const NOTHING: readonly DetectorEffect[] = [];

/** What one step of a detector wants done, and when it wants to be woken. */
export class Wishes {
  #effects: DetectorEffect[] = [];
  #nowMs: number;
  #wakeMs = Number.POSITIVE_INFINITY;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  begin(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  add(effect: Exclude<DetectorEffect, { effect: "wake" }>): void {
    this.#effects.push(effect);
  }

  /** Not later than that. */
  wakeBy(dueMs: number): void {
    const atMs = Math.max(dueMs, this.#nowMs);
    if (atMs >= this.#wakeMs) return;
    this.#wakeMs = atMs;
    this.#effects.push({ effect: "wake", atMs });
  }

  /** Exactly then, whatever was wished before: what that was for has come. */
  wakeAt(dueMs: number): void {
    this.#wakeMs = Number.POSITIVE_INFINITY;
    this.wakeBy(dueMs);
  }

  woken(): void {
    this.#wakeMs = Number.POSITIVE_INFINITY;
  }

  /** By how much the last wish to be woken is overdue. Asked twice, the second time it is not. */
  get lateMs(): number {
    return this.#nowMs - this.#wakeMs;
  }

  forgiveLate(): void {
    this.#wakeMs = this.#nowMs;
  }

  take(): readonly DetectorEffect[] {
    if (this.#effects.length === 0) return NOTHING;
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
