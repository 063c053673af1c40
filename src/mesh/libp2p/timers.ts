import type { Clock } from "../../core/ports/clock.ts";

/** Of this process. */
export const timers: Pick<Clock, "after"> = {
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
