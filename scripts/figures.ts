// Runs the benchmarks and writes what came out to docs/figures.md: npm run figures
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";

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
const bench = [join(root, "bench/main.ts"), "-o", "json"];
const output = execFileSync(process.execPath, bench, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const figures = JSON.parse(output) as readonly Figure[];

const machine = `${availableParallelism()} × ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
const rows = figures.map(({ name, value, unit, target, holds, versus = "" }) => {
  return `| ${name} | ${round(value)} ${unit} | ${target} ${unit} | ${holds ? "yes" : "**no**"} | ${versus} |`;
});
const page = `# Figures

Measured by \`npm run figures\` on ${new Date().toISOString().slice(0, 10)}: ${machine}, Node ${process.versions.node}.

| figure | measured | target | holds | against |
|---|---|---|---|---|
${rows.join("\n")}
`;
writeFileSync(join(root, "docs/figures.md"), page);

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}
