import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { type RunOptions, run } from "../../sim/run.ts";

const main = join(import.meta.dirname, "../../sim/main.ts");

/** The way that the command took in a process of its own. */
async function traceOfProcess(...options: readonly string[]): Promise<string> {
  const argv = [main, ...options, "-o", "json"];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  return (JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as { traceHash: string }).traceHash;
}

describe("a world", () => {
  it.each(["1", "2", "3"])(
    "of seed %s holds all that it promises in five minutes with eight machines",
    async (seed) => {
      const { convergedSeconds, violations, writes } = await run({ seed, minutes: 5, nodes: 8 });
      expect(violations).toEqual([]);
      expect(convergedSeconds).not.toBeNull();
      expect(writes).toBeGreaterThan(20);
    },
  );

  it("without faults agrees at once, and nothing rare happens in it", async () => {
    const report = await run({ seed: "calm", minutes: 2, nodes: 5, faults: "none" });
    expect(report.violations).toEqual([]);
    expect(report.faults).toEqual({});
    expect(report.errors).toEqual({});
    expect(report.convergedSeconds).toBeLessThan(2);
  });

  it("of fifty machines that all start at once and know three of them agrees, too", async () => {
    const options = { minutes: 0.5, nodes: 50, writesPerMachineAndMinute: 0.2, faults: "none" } as const;
    const { convergedSeconds, violations } = await run({ seed: "crowd", ...options });
    expect(violations).toEqual([]);
    expect(convergedSeconds).toBeLessThan(2);
  });
});

describe("the same seed", () => {
  const options: RunOptions = { seed: "7", minutes: 2, nodes: 6 };
  const words = ["--seed", "7", "--minutes", "2", "--nodes", "6"];

  it("takes the same way twice in one process, and in others", async () => {
    const [first, second] = [await run(options), await run(options)];
    expect(second).toEqual(first);
    expect(await traceOfProcess(...words)).toBe(first.traceHash);
  });

  it("takes the same way when every machine checks every signature itself", async () => {
    expect(await traceOfProcess(...words, "--no-memo")).toBe(await traceOfProcess(...words));
  });

  it("is another world under another number", async () => {
    const other = await run({ ...options, seed: "8" });
    expect(other.traceHash).not.toBe((await run(options)).traceHash);
  });
});
