import type { Clock, Timer } from "../../core/ports/clock.ts";

/** What `setTimeout` can hold; a longer delay runs at once there. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * The machine's time. Its timers do not keep the process alive: an agent lives by its servers, and a stopped one exits
 * whatever is still pending.
 */
export function systemClock(): Clock {
  return { now: () => Date.now(), monotonic: () => performance.now(), after };
}

function after(delayMs: number, run: () => void): Timer {
  const due = performance.now() + delayMs;
  const arm = () => {
    // Node counts whole milliseconds of a coarser clock, so a timeout may end before its time by that clock's grain.
    const restMs = Math.ceil(Math.max(due - performance.now(), 0)) + 1;
    return setTimeout(ring, Math.min(restMs, LONGEST_TIMEOUT_MS)).unref();
  };
  const ring = () => {
    if (performance.now() >= due) run();
    else pending = arm();
  };
  let pending = arm();
  return { cancel: () => clearTimeout(pending) };
}
