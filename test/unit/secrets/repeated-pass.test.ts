import { describe, expect, test } from "vitest";
import { SimClock } from "../../../sim/clock.ts";
import { type PassOutcome, RepeatedPass } from "../../../src/core/repeated-pass.ts";

function passes(run: (turn: number) => PassOutcome | Promise<PassOutcome>, restMs?: number) {
  const clock = new SimClock();
  const began: number[] = [];
  const errors: unknown[] = [];
  const repeated = new RepeatedPass({
    clock,
    run: async () => run(began.push(clock.monotonic())),
    failed: (error) => errors.push(error),
    ...{ retryFirstMs: 1000, retryMostMs: 4000, restMs },
  });
  return { clock, began, errors, repeated };
}

describe("a repeated pass", () => {
  test("runs when asked, and not inside the call that asks", async () => {
    const { clock, began, repeated } = passes(() => "settled");
    repeated.request();
    repeated.request();
    expect(began).toEqual([]);
    await clock.runUntil(100_000);
    expect(began).toEqual([0]);
  });

  test("runs once more if asked while it is busy, never beside itself", async () => {
    let finish = (_outcome: PassOutcome): void => undefined;
    const { clock, began, repeated } = passes(() => new Promise((resolve) => (finish = resolve)));
    repeated.request();
    await clock.runUntil(10);
    repeated.request();
    repeated.request();
    await clock.runUntil(50);
    expect(began).toEqual([0]);
    finish("settled");
    await clock.runUntil(60);
    expect(began).toEqual([0, 50]);
    finish("settled");
    await clock.runUntil(1000);
    expect(began).toEqual([0, 50]);
  });

  test("comes back later and later while it is unsettled or throws", async () => {
    const { clock, began, errors, repeated } = passes((turn) => {
      if (turn === 2) throw new Error("the disk is full");
      return turn < 6 ? "unsettled" : "settled";
    });
    repeated.request();
    await clock.runUntil(100_000);
    expect(began).toEqual([0, 1000, 3000, 7000, 11_000, 15_000]);
    expect(errors).toEqual([new Error("the disk is full")]);
  });

  test("does not wait for its turn when it is asked", async () => {
    const { clock, began, repeated } = passes((turn) => (turn < 3 ? "unsettled" : "settled"));
    repeated.request();
    await clock.runUntil(100);
    repeated.request();
    await clock.runUntil(100_000);
    expect(began).toEqual([0, 100, 1100]);
  });

  test("comes back soon for what is new, however often others failed before", async () => {
    const { clock, began, repeated } = passes((turn) => (turn < 12 ? "unsettled" : "settled"));
    for (let i = 0; i < 10; i++) {
      repeated.request();
      await clock.runUntil(i * 100 + 50);
    }
    await clock.runUntil(100_000);
    expect(began.slice(-2)).toEqual([1850, 3850]);
  });

  test("rests between settled passes where a rest is given", async () => {
    const { clock, began, repeated } = passes(() => "settled", 60_000);
    repeated.request();
    await clock.runUntil(130_000);
    expect(began).toEqual([0, 60_000, 120_000]);
  });

  test("begins no more once stopped, and tells nobody that the last one failed", async () => {
    let fail = (_error: Error): void => undefined;
    const { clock, began, errors, repeated } = passes(() => new Promise((_, reject) => (fail = reject)));
    repeated.request();
    await clock.runUntil(10);
    repeated.request();
    repeated.stop();
    fail(new Error("the disk is closed"));
    repeated.request();
    await clock.runUntil(100_000);
    expect([began, errors]).toEqual([[0], []]);
  });
});
