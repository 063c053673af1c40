/** A pending call; cancelling one that has run is harmless. */
export interface Timer {
  cancel(): void;
}

/** Time as an argument. Nothing below `src/node/platform` knows any other clock. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump, drift and run backwards. */
  now(): number;
  /** Milliseconds since an arbitrary start. Never runs backwards; leases and timeouts are measured on it. */
  monotonic(): number;
  /** Runs `run` once, not earlier than `delayMs` from now. */
  after(delayMs: number, run: () => void): Timer;
}
