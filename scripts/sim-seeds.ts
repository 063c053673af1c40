// Runs the simulator over the first seeds. A violation, or a crash of the simulator, ends with the command that repeats it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const SEEDS = 20;
const MINUTES = 2;

const main = join(import.meta.dirname, "../sim/main.ts");
const failed: number[] = [];
for (let seed = 1; seed <= SEEDS; seed++) {
  const options = ["--seed", String(seed), "--minutes", String(MINUTES), "-o", "json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...options], { encoding: "utf8" });
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  if (status === 0 && violationsIn(last) === 0) continue;
  failed.push(seed);
  console.error(`${stderr}${last}\nrepeat it: npm run sim -- ${options.slice(0, 4).join(" ")}`);
}
console.log(`${SEEDS - failed.length} seeds hold, ${failed.length} do not`);
process.exitCode = failed.length === 0 ? 0 : 1;

function violationsIn(line: string): number {
  try {
    return (JSON.parse(line) as { readonly violations: readonly unknown[] }).violations.length;
  } catch {
    return Number.NaN;
  }
}
