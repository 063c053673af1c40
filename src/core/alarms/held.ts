/** How long things have held without a gap, by the monotonic clock of whoever looks. */
export class Held {
  readonly #sinceMs = new Map<string, number>();

  /** These hold now, and no others: whatever is missing begins anew when it comes back. */
  update(keys: Iterable<string>, nowMs: number): void {
    const now = new Set(keys);
    for (const key of this.#sinceMs.keys()) if (!now.has(key)) this.#sinceMs.delete(key);
    for (const key of now) if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, nowMs);
  }

  /** 0 for what does not hold. */
  forMs(key: string, nowMs: number): number {
    return nowMs - (this.#sinceMs.get(key) ?? nowMs);
  }
}
