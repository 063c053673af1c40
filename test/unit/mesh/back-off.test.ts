import { describe, expect, it } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import { seededRandom } from "../../../sim/random.ts";
import { BackOff } from "../../../src/mesh/back-off.ts";

async function pauseMs(clock: SimClock, backOff: BackOff): Promise<number> {
  const beganMs = clock.monotonic();
  while (backOff.dueInMs > 0) await clock.runUntil(clock.monotonic() + 10);
  return clock.monotonic() - beganMs;
}

describe("the back-off of one peer", () => {
  it("waits longer after each failure, half a minute at most, for ever", async () => {
    const clock = new SimClock();
    const backOff = new BackOff(clock, seededRandom("ladder"));
    expect(backOff.dueInMs).toBeLessThanOrEqual(0);
    for (const limitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, ...Array<number>(100).fill(30_000)]) {
      backOff.failed();
      expect(backOff.isFailing).toBe(true);
      const waitedMs = await pauseMs(clock, backOff);
      expect(waitedMs).toBeGreaterThanOrEqual(limitMs / 2);
      expect(waitedMs).toBeLessThanOrEqual(limitMs);
    }
  });

  it("ends when something says that the peer is back, but does not hammer at it", async () => {
    const clock = new SimClock();
    const backOff = new BackOff(clock, seededRandom("reset"));
    for (let i = 0; i < 10; i++) backOff.failed();
    for (let i = 0; i < 10; i++) backOff.reset();
    expect(backOff.isFailing).toBe(false);
    expect(await pauseMs(clock, backOff)).toBe(1_000);

    for (let i = 0; i < 10; i++) backOff.failed();
    await clock.runUntil(clock.monotonic() + 5_000);
    backOff.reset();
    expect(await pauseMs(clock, backOff)).toBeLessThanOrEqual(500);
  });
});
