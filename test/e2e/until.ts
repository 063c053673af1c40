import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 25;

/** Waits for a state, not for a time: the deadline only bounds what never comes. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  { withinMs = 20_000, pollMs = POLL_MS } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(pollMs);
  }
}
