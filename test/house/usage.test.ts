import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { numberFrom, wrapped } from "../../scripts/flags.ts";

const root = join(import.meta.dirname, "../..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

/** What people run with flags of their own; the rest is run as it is, by these or by a build. */
const COMMANDS = [
  "bench",
  "chaos",
  "check:seeds",
  "figures",
  "fleet",
  "fuzz",
  "growth",
  "model",
  "model:agreement",
  "sim",
  "sim:keep-release",
  "sim:mutants",
  "soak",
];

function run(command: string, ...words: readonly string[]) {
  const [node, ...argv] = (scripts[command] as string).split(" ");
  expect(node).toBe("node");
  return spawnSync(process.execPath, [...argv, ...words], { cwd: root, encoding: "utf8" });
}

describe("a stranger who runs a command of this project", () => {
  it.each(COMMANDS)("is told what `npm run %s` does, with an example, within eighty columns", (command) => {
    const { status, stdout, stderr } = run(command, "--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.startsWith(`npm run ${command} -- `)).toBe(true);
    expect(stdout).toContain(`\nFor example`);
    expect(stdout.slice(stdout.indexOf("\nFor example"))).toContain(`npm run ${command} -- `);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it.each(["chaos", "model", "sim:mutants"])("is told in two lines what `npm run %s` does not know", (command) => {
    const { status, stdout, stderr } = run(command, "--no-such-flag");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toBe(`error: Unknown option '--no-such-flag'\nhint: npm run ${command} -- --help\n`);
  });

  it("reads long lines that no terminal of eighty columns breaks", () => {
    const text = Array.from({ length: 40 }, (_, i) => `word-${i}`).join(" ");
    const lines = wrapped("head: ", text).split("\n");
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    expect(lines.slice(1).every((line) => /^ {6}word/.test(line))).toBe(true);
    expect(lines.map((line) => line.slice(6)).join(" ")).toBe(text);
  });

  it("is refused what is no number, or too small a one", () => {
    expect(numberFrom(3, "nodes", "7")).toBe(7);
    for (const text of ["", "2", "many"]) {
      expect(() => numberFrom(3, "nodes", text)).toThrow(`--nodes takes a number from 3 on, not "${text}"`);
    }
  });
});
