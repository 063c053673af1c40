// Runs the benchmarks and writes what came out to docs/figures.md: npm run figures
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { wrapped } from "./flags.ts";

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  readonly holds: boolean;
  /** What it was measured against, in the same run. */
  readonly versus?: string;
}

const root = join(import.meta.dirname, "..");
const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
const date = new Date().toISOString().slice(0, 10);
const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).stdout.trim();

const PAGE = join(root, "docs/figures.md");
const HEAD = `# Figures

Measured by \`npm run figures\`, or \`npm run figures -- SUITE…\` for some of them: ${machine}, Node ${process.versions.node}.
Each part is a suite of its own, with day and commit of its run: \`npm run bench -- --only cli\`, and so on. Bars are ratios where
they can be, against something measured in the same run.
`;

const suites = bench("--list").stdout.trim().split("\n");
const named = process.argv.slice(2);
const unknown = named.find((one) => !suites.includes(one));
if (unknown !== undefined) {
  const usage = "npm run figures -- [SUITE…]\n\nRuns the benchmarks, all of them or some, and writes docs/figures.md.";
  const example = "For example:\n  npm run figures -- cli races";
  process.stdout.write(`${usage}\n\n${wrapped("Suites: ", suites.join(", "))}\n\n${example}\n`);
  process.exit(/^(-h|--help)$/.test(unknown) ? 0 : 2);
}
const parts = partsOf(readFileSync(PAGE, "utf8"));
for (const suite of suites.filter((one) => named.length === 0 || named.includes(one))) {
  parts.set(suite, `Measured on ${date} at ${commit}.\n\n${measure(suite)}`);
  const known = suites.filter((one) => parts.has(one));
  // After each: what was measured is kept when a later suite is interrupted.
  writeFileSync(PAGE, HEAD + known.map((one) => `\n## ${one}\n\n${parts.get(one)}`).join(""));
}

/** What the page says of each suite. */
function partsOf(page: string): Map<string, string> {
  const [, ...sections] = page.split("\n## ");
  return new Map(
    sections.map((section): [string, string] => {
      const end = section.indexOf("\n\n");
      return [section.slice(0, end), section.slice(end + 2)];
    }),
  );
}

/** A suite's table; a suite that fails says why in its place. */
function measure(suite: string): string {
  const { status, stdout, stderr } = bench("-o", "json", "--only", suite);
  process.stderr.write(stderr);
  if (status !== 0) {
    const [reason = "no reason given"] = /^\w*Error: .*$/m.exec(stderr) ?? [];
    return `Not measured: ${reason}\n`;
  }
  const rows = (JSON.parse(stdout) as readonly Figure[]).map(({ name, value, unit, target, holds, versus = "" }) => {
    return `| ${name} | ${round(value)} ${unit} | ${target} ${unit} | ${holds ? "yes" : "**no**"} | ${versus} |`;
  });
  return `| figure | measured | target | holds | against |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

function bench(...words: readonly string[]) {
  const argv = [join(root, "bench/main.ts"), ...words];
  return spawnSync(process.execPath, argv, { encoding: "utf8", maxBuffer: 2 ** 26 });
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}
