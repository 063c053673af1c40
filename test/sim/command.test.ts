import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const main = join(import.meta.dirname, "../../sim/main.ts");

function sim(...words: readonly string[]) {
  return spawnSync(process.execPath, [main, ...words], { encoding: "utf8" });
}

it("ends with one line of JSON that says what happened", () => {
  const { status, stdout, stderr } = sim(
    "--seed",
    "5",
    "--minutes",
    "1",
    "--nodes",
    "4",
    "--doublecheck",
    "-o",
    "json",
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const report = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  expect(report).toMatchObject({ seed: "5", violations: [], wallSeconds: expect.any(Number) });
  expect(report.virtualSeconds).toBeGreaterThan(60);
  expect(report.traceHash).toMatch(/^[0-9a-f]{64}$/);
  expect(Object.keys(report)).toEqual(expect.arrayContaining(["faults", "sometimes"]));
});

it("says how to call it when it does not understand", () => {
  for (const [words, why] of [
    [["--minutes", "none"], '--minutes takes a number above zero, not "none"'],
    [["--rounds", "3"], "--rounds and --tokens go with --races"],
    [["--races", "--minutes", "3"], "--minutes says nothing of --races"],
    [["--removals", "--draw"], "--draw says nothing of --removals"],
  ] as const) {
    const { status, stderr } = sim(...words);
    expect({ status, stderr }).toEqual({ status: 2, stderr: `error: ${why}\nhint: npm run sim -- --help\n` });
  }
});
