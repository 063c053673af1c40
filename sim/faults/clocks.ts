import type { Fault, FaultSite } from "./fault.ts";

const YEAR_MS = 365 * 86_400_000;

/** Up to so much either way. */
export function symmetric({ random }: Pick<FaultSite, "random">, limit: number): number {
  return random.below(2 * limit + 1) - limit;
}

export const jump: Fault = {
  kind: "clock jump",
  family: "clock",
  percent: 35,
  everyMs: 25_000,
  lastsMs: [0, 0],
  happen(site) {
    const machine = site.pick();
    if (machine === undefined || !site.take("clock", "clock jump", [machine])) return;
    machine.clock.skew({ offsetMs: symmetric(site, 20 * 60_000) });
  },
};

/** A battery is empty, or somebody mistypes a date; after a while somebody or something sets it right. */
export const year: Fault = {
  kind: "a year off",
  family: "clock",
  percent: 30,
  everyMs: 40_000,
  lastsMs: [5_000, 60_000],
  happen(site, lastsMs) {
    const machine = site.pick();
    if (machine === undefined || !site.take("clock", "a year off", [machine])) return;
    machine.clock.skew({ offsetMs: site.random.below(2) === 0 ? YEAR_MS : -YEAR_MS });
    site.world.clock.after(lastsMs, () => machine.clock.skew({ offsetMs: 0 }));
  },
};

export const drift: Fault = {
  kind: "drift",
  family: "clock",
  percent: 40,
  everyMs: 30_000,
  lastsMs: [0, 0],
  happen(site) {
    const machine = site.pick();
    if (machine === undefined || !site.take("clock", "drift", [machine])) return;
    machine.clock.skew({ driftPpm: symmetric(site, 500) });
  },
};
