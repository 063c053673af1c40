import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CutReport } from "../power/cuts.ts";

const program = join(import.meta.dirname, "../power/main.ts");

/** Why no file system can be mounted here, or null. */
function whyNot(): string | null {
  if (spawnSync("unshare", ["--mount", "true"]).status !== 0) return "needs root, to mount a file system";
  if (spawnSync("mkfs.ext4", ["-V"]).error !== undefined) return "mkfs.ext4 (e2fsprogs) is not installed";
  return spawnSync("perl", ["-e", "1"]).status === 0 ? null : "perl, which stops a file system, is not installed";
}

const reason = whyNot();
const skipped = reason === null ? "" : ` (skipped: ${reason})`;

/** `npm run power` cuts two hundred times. */
function cut(...words: string[]): CutReport {
  const { stdout, stderr } = spawnSync(process.execPath, [program, "-o", "json", ...words], { encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as CutReport;
}

describe.skipIf(reason !== null)(`power that fails while a store is written${skipped}`, () => {
  it("takes nothing that was acknowledged, and leaves no half batch", () => {
    const { faults, batches, cuts } = cut("--cuts", "6", "--seed", "test");
    expect(faults).toEqual([]);
    expect(cuts).toBe(6);
    expect(batches).toBeGreaterThan(6);
  });

  it("takes what was acknowledged before it was on the disk", () => {
    expect(cut("--cuts", "3", "--unsynced").faults.join("\n")).toMatch(/batch \d+ of \d+ acknowledged has 0 of/);
  });
});
