import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/node/platform/clock.ts";
import { clockContract } from "../../contracts/clock-contract.ts";

const CLOCK = join(import.meta.dirname, "../../../src/node/platform/clock.ts");

clockContract("the machine's clock", () => {
  const clock = systemClock();
  return {
    clock,
    async pass(delayMs) {
      const end = clock.monotonic() + delayMs;
      // The clock's own timer last: whatever was due before it has then run.
      while (clock.monotonic() < end) await sleep(delayMs);
      await new Promise<void>((resolve) => clock.after(0, resolve));
    },
  };
});

describe("the machine's clock", () => {
  test("waits for delays that setTimeout would run at once, and asks it for none of those", async () => {
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.name);
    process.on("warning", note);
    onTestFinished(() => void process.off("warning", note));
    const ran: string[] = [];
    const clock = systemClock();
    const long = [30 * 24 * 3600 * 1000, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY].map((delayMs) =>
      clock.after(delayMs, () => ran.push(`${delayMs}`)),
    );
    await new Promise<void>((resolve) => clock.after(20, resolve));
    expect(ran).toEqual([]);
    expect(warnings).toEqual([]);
    for (const timer of long) timer.cancel();
  });

  test("does not keep a stopped process alive", () => {
    const script = `import { systemClock } from ${JSON.stringify(CLOCK)}; systemClock().after(600_000, () => {});`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { timeout: 30_000 });
    expect(child.stderr.toString()).toBe("");
    expect(child.status).toBe(0);
  });
});
