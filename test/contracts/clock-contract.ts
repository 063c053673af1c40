import { beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/ports/clock.ts";

export interface ClockUnderTest {
  readonly clock: Clock;
  /** Lets at least that much of the clock's time pass. */
  readonly pass: (delayMs: number) => Promise<void>;
}

/** What every Clock does. */
export function clockContract(name: string, setup: () => ClockUnderTest): void {
  describe(`${name} as a clock`, () => {
    let clock: Clock;
    let pass: ClockUnderTest["pass"];
    beforeEach(() => {
      ({ clock, pass } = setup());
    });

    test("runs calls in the order in which they are due", async () => {
      const ran: string[] = [];
      clock.after(60, () => ran.push("last"));
      clock.after(1, () => ran.push("first"));
      clock.after(30, () => ran.push("second"));
      await pass(100);
      expect(ran).toEqual(["first", "second", "last"]);
    });

    test("runs a call once, and not before its time", async () => {
      const asked = clock.monotonic();
      const ranAfterMs: number[] = [];
      const delays = [0, 1, 2.5, 7, 20];
      for (const delayMs of delays) clock.after(delayMs, () => ranAfterMs.push(clock.monotonic() - asked));
      await pass(50);
      await pass(50);
      expect(ranAfterMs).toHaveLength(delays.length);
      for (const [at, delayMs] of delays.entries()) expect(ranAfterMs[at]).toBeGreaterThanOrEqual(delayMs);
    });

    test("never runs a call while it is being asked for, not even one without delay", async () => {
      const ran: string[] = [];
      clock.after(0, () => ran.push("call"));
      clock.after(-5, () => ran.push("belated call"));
      ran.push("asked");
      await pass(20);
      expect(ran).toHaveLength(3);
      expect(ran[0]).toBe("asked");
    });

    test("does not run what was cancelled", async () => {
      const ran: string[] = [];
      const cancelled = clock.after(5, () => ran.push("cancelled"));
      clock.after(10, () => ran.push("kept"));
      cancelled.cancel();
      await pass(30);
      expect(ran).toEqual(["kept"]);
    });

    test("lets one call cancel another", async () => {
      const ran: string[] = [];
      clock.after(1, () => later.cancel());
      const later = clock.after(40, () => ran.push("later"));
      await pass(80);
      expect(ran).toEqual([]);
    });

    test("takes the cancelling of a call that has run", async () => {
      let runs = 0;
      const timer = clock.after(1, () => runs++);
      await pass(20);
      timer.cancel();
      timer.cancel();
      await pass(20);
      expect(runs).toBe(1);
    });

    test("lets a call ask for the next one", async () => {
      const ran: number[] = [];
      const next = () => {
        ran.push(ran.length);
        if (ran.length < 3) clock.after(1, next);
      };
      clock.after(1, next);
      await pass(60);
      expect(ran).toEqual([0, 1, 2]);
    });

    test("has a monotonic time that never runs backwards and passes with delays", async () => {
      const readings = [clock.monotonic()];
      for (let i = 0; i < 200; i++) readings.push(clock.monotonic());
      clock.after(5, () => readings.push(clock.monotonic()));
      await pass(30);
      readings.push(clock.monotonic());
      expect(readings).toEqual([...readings].sort((a, b) => a - b));
      expect((readings.at(-1) ?? 0) - (readings[0] ?? 0)).toBeGreaterThanOrEqual(30);
    });

    test("has a wall clock of whole milliseconds in this century", () => {
      expect(Number.isInteger(clock.now())).toBe(true);
      expect(new Date(clock.now()).getUTCFullYear()).toBeGreaterThan(2020);
      expect(new Date(clock.now()).getUTCFullYear()).toBeLessThan(2100);
    });
  });
}
