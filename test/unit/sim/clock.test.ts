import { describe, expect, test } from "vitest";
import { SimClock, settled, WORLD_BEGINS_MS } from "../../../sim/clock.ts";
import { seededRandom } from "../../../sim/random.ts";
import { clockContract } from "../../contracts/clock-contract.ts";

clockContract("virtual time", () => {
  const clock = new SimClock();
  return { clock, pass: (delayMs) => clock.runUntil(clock.monotonic() + delayMs) };
});

clockContract("a machine with a fast, wrong clock", () => {
  const world = new SimClock();
  const clock = world.clockFor("nas-1", { offsetMs: 3600_000, driftPpm: 200 });
  return { clock, pass: (delayMs) => world.runUntil(world.monotonic() + delayMs) };
});

clockContract("a machine with a slow clock", () => {
  const world = new SimClock();
  const clock = world.clockFor("nas-1", { driftPpm: -200 });
  return { clock, pass: (delayMs) => world.runUntil(world.monotonic() + 2 * delayMs) };
});

describe("virtual time", () => {
  test("runs calls of one instant in the order of asking", () => {
    const clock = new SimClock();
    const ran: number[] = [];
    for (let i = 0; i < 100; i++) clock.after(5, () => ran.push(i));
    while (clock.runNext());
    expect(ran).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test("runs thousands of calls in order, whatever was cancelled in between", () => {
    const clock = new SimClock();
    const random = seededRandom("order");
    const ran: string[] = [];
    const kept: { at: number; i: number }[] = [];
    for (let i = 0; i < 5000; i++) {
      const at = random.below(500);
      const timer = clock.after(at, () => ran.push(`${at}/${i}`));
      if (random.below(3) > 0) timer.cancel();
      else kept.push({ at, i });
    }
    expect(clock.pending).toBe(kept.length);
    while (clock.runNext());
    kept.sort((a, b) => a.at - b.at || a.i - b.i);
    expect(ran).toEqual(kept.map(({ at, i }) => `${at}/${i}`));
    expect(clock.pending).toBe(0);
    expect(clock.ran).toBe(kept.length);
  });

  test("stands still between calls, jumps to the next one, and tells when none is left", () => {
    const clock = new SimClock();
    clock.after(3600_000, () => {});
    expect([clock.monotonic(), clock.now()]).toEqual([0, WORLD_BEGINS_MS]);
    expect(clock.runNext()).toBe(true);
    expect([clock.monotonic(), clock.now()]).toEqual([3600_000, WORLD_BEGINS_MS + 3600_000]);
    expect(clock.runNext()).toBe(false);
  });

  test("runs until an instant, and not what is due later", async () => {
    const clock = new SimClock();
    const ran: number[] = [];
    for (const at of [10, 20, 30]) clock.after(at, () => ran.push(at));
    await clock.runUntil(20);
    expect([ran, clock.monotonic()]).toEqual([[10, 20], 20]);
    await clock.runUntil(25);
    expect([ran, clock.monotonic()]).toEqual([[10, 20], 25]);
    await clock.runUntil(5);
    expect(clock.monotonic()).toBe(25);
  });

  test("refuses a delay that is not a number", () => {
    expect(() => new SimClock().after(Number.NaN, () => {})).toThrow("must be a number");
  });

  test("lets a failing call stop the world, with the error of the call", async () => {
    const clock = new SimClock();
    clock.after(1, () => {
      throw new Error("a bug of the agent");
    });
    await expect(clock.runUntil(10)).rejects.toThrow("a bug of the agent");
  });
});

describe("what follows from a call at once", () => {
  test("has all happened before the next call, however many promises it goes through", async () => {
    const clock = new SimClock();
    const trace: string[] = [];
    const agent = async (name: string) => {
      trace.push(`${name} begins`);
      for (let i = 0; i < 1000; i++) await Promise.resolve();
      await Promise.all([chain(200), chain(300), new Promise<void>((resolve) => queueMicrotask(resolve))]);
      for await (const number of numbers(50)) if (number === 49) trace.push(`${name} counted`);
      await Promise.reject(new Error("expected"))
        .catch(() => chain(10))
        .then(() => chain(10));
      await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
      trace.push(`${name} ends`);
    };
    clock.after(1, () => void agent("alice"));
    clock.after(1, () => void agent("bob"));
    clock.after(2, () => trace.push("two"));
    await clock.runUntil(2);
    expect(trace).toEqual([
      "alice begins",
      "alice counted",
      "alice ends",
      "bob begins",
      "bob counted",
      "bob ends",
      "two",
    ]);
  });

  test("has all happened after one step", async () => {
    const clock = new SimClock();
    const trace: string[] = [];
    clock.after(1, () => void chain(500).then(() => trace.push("first")));
    clock.after(1, () => void chain(1).then(() => trace.push("second")));
    expect(await clock.step()).toBe(true);
    expect(trace).toEqual(["first"]);
    expect(await clock.step()).toBe(true);
    expect(trace).toEqual(["first", "second"]);
    expect(await clock.step()).toBe(false);
  });

  test("includes what was going on before the first call", async () => {
    const clock = new SimClock();
    const trace: string[] = [];
    clock.after(0, () => trace.push("call"));
    void chain(100).then(() => trace.push("earlier work"));
    await clock.runUntil(0);
    expect(trace).toEqual(["earlier work", "call"]);
  });

  test("is finished when `settled` says so, also from inside a microtask", async () => {
    const trace: string[] = [];
    await chain(3);
    void chain(1000).then(() => trace.push("chain"));
    await settled();
    trace.push("settled");
    expect(trace).toEqual(["chain", "settled"]);
  });

  async function chain(length: number): Promise<void> {
    if (length > 0) await chain(length - 1);
  }

  async function* numbers(count: number): AsyncGenerator<number> {
    for (let i = 0; i < count; i++) yield i;
  }
});

describe("a machine's clock in virtual time", () => {
  test("shows a wall clock that is off, while its delays are right", async () => {
    const world = new SimClock();
    const clock = world.clockFor("nas-1", { offsetMs: -365 * 24 * 3600_000 });
    let ranAtMs = -1;
    clock.after(1000, () => (ranAtMs = world.monotonic()));
    await world.runUntil(5000);
    expect(ranAtMs).toBe(1000);
    expect(clock.now()).toBe(WORLD_BEGINS_MS + 5000 - 365 * 24 * 3600_000);
    expect(clock.monotonic()).toBe(5000);
  });

  test("runs at its own pace: a fast one has waited long enough when the world has not", async () => {
    const world = new SimClock();
    const clock = world.clockFor("nas-1", { driftPpm: 1000 });
    let ranAtMs = -1;
    clock.after(1_001_000, () => (ranAtMs = world.monotonic()));
    await world.runUntil(2_000_000);
    expect(ranAtMs).toBeCloseTo(1_000_000, 3);
    expect(clock.monotonic()).toBeCloseTo(2_002_000, 3);
  });

  test("never jumps in its monotonic time when it is skewed, and is the same object for the same name", async () => {
    const world = new SimClock();
    const clock = world.clockFor("nas-1");
    await world.runUntil(1_000_000);
    world.clockFor("nas-1", { driftPpm: 500_000 });
    expect(world.clockFor("nas-1")).toBe(clock);
    expect(clock.monotonic()).toBe(1_000_000);
    await world.runUntil(2_000_000);
    expect(clock.monotonic()).toBe(2_500_000);
    clock.skew({ offsetMs: -7_000_000 });
    expect(clock.monotonic()).toBe(2_500_000);
    expect(clock.now()).toBe(WORLD_BEGINS_MS - 4_500_000);
    clock.skew({ driftPpm: 0 });
    await world.runUntil(3_000_000);
    expect(clock.monotonic()).toBe(3_500_000);
  });

  test("has let a delay pass when it runs a call, in spite of rounding, so that nobody waits for rests for ever", async () => {
    const world = new SimClock();
    const random = seededRandom("rounding");
    for (let i = 0; i < 300; i++) {
      const clock = world.clockFor(`node-${i}`, { driftPpm: random.below(1000) - 500 });
      await world.runUntil(world.monotonic() + random.below(10_000_000) / 7);
      const due = clock.monotonic() + random.below(100_000) / 3;
      let late = Number.NaN;
      clock.after(due - clock.monotonic(), () => (late = clock.monotonic() - due));
      await world.runUntil(world.monotonic() + 40_000);
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(0.001);
    }
  });

  test("forgets its calls when the machine crashes, and takes new ones", async () => {
    const world = new SimClock();
    const [nas, web] = [world.clockFor("nas-1"), world.clockFor("web-1")];
    const ran: string[] = [];
    nas.after(5, () => ran.push("nas-1 before"));
    web.after(5, () => ran.push("web-1"));
    nas.crash();
    nas.after(5, () => ran.push("nas-1 after"));
    await world.runUntil(10);
    expect(ran).toEqual(["web-1", "nas-1 after"]);
  });
});

describe("a machine that is held up", () => {
  const machine = () => {
    const world = new SimClock();
    const clock = world.clockFor("nas-1");
    const ran: string[] = [];
    const at = (delayMs: number, what: string) =>
      clock.after(delayMs, () => ran.push(`${what} at ${world.monotonic()}`));
    return { world, clock, ran, at };
  };

  test("by a pause does at its end what was due, in order, and the rest at its time", async () => {
    const { world, clock, ran, at } = machine();
    at(20, "second");
    at(10, "first");
    at(90, "third");
    const never = at(30, "never");
    clock.pause();
    await world.runUntil(50);
    expect(ran).toEqual([]);
    never.cancel();
    clock.goOn();
    await world.runUntil(100);
    expect(ran).toEqual(["first at 50", "second at 50", "third at 90"]);
    expect(clock.monotonic()).toBe(100);
  });

  test("by sleep knows nothing of the time in between but what time of day it is", async () => {
    const { world, clock, ran, at } = machine();
    at(10, "first");
    at(90, "second");
    await world.runUntil(4);
    clock.pause();
    await world.runUntil(50);
    clock.wakeUp();
    expect(clock.monotonic()).toBe(4);
    expect(clock.now()).toBe(WORLD_BEGINS_MS + 50);
    await world.runUntil(200);
    expect(ran).toEqual(["first at 56", "second at 136"]);
  });

  test("forgets what it was to do when the power fails meanwhile", async () => {
    const { world, clock, ran, at } = machine();
    at(10, "first");
    clock.pause();
    await world.runUntil(50);
    clock.crash();
    clock.goOn();
    await world.runUntil(100);
    expect(ran).toEqual([]);
  });
});
