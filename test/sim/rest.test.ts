import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { RunReport } from "../../sim/run.ts";

/** Some ten seconds of work each, on a machine that may have other things to do. */
const PATIENCE_MS = 240_000;

const main = join(import.meta.dirname, "../../sim/main.ts");

// In a process of its own: what is judged is all that the process holds.
it.each(["1", "2"])(
  "machines that rest hold no more in memory after an hour of it: seed %s",
  (seed) => {
    const output = execFileSync(process.execPath, [main, "--rest", "--seed", seed, "-o", "json"], { encoding: "utf8" });
    const { errors, sometimes, violations } = JSON.parse(output.trimEnd().split("\n").at(-1) as string) as RunReport;
    expect(violations).toEqual([]);
    expect(errors).toEqual({});
    expect(Object.keys(sometimes)).toEqual(["memory was looked at after an hour of rest"]);
  },
  PATIENCE_MS,
);
