// Runs the simulator over the first seeds. A violation, or a crash of the simulator, ends with the command that repeats it.
// Every twentieth seed runs once more, with every signature checked on every machine, and must take the same way.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const SEEDS = 20;
const MINUTES = 2;
const UNREMEMBERED_EVERY = 20;

const main = join(import.meta.dirname, "../sim/main.ts");
const failed = new Set<number>();
for (let seed = 1; seed <= SEEDS; seed++) {
  const options = ["--seed", String(seed), "--minutes", String(MINUTES)];
  const traces = new Set<string>();
  for (const memo of seed % UNREMEMBERED_EVERY === 0 ? [[], ["--no-memo"]] : [[]]) {
    const argv = [main, ...options, ...memo, "-o", "json"];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    const last = stdout.trimEnd().split("\n").at(-1) ?? "";
    const found = reportIn(last);
    if (found !== null) traces.add(found.traceHash);
    if (status === 0 && found?.violations.length === 0) continue;
    failed.add(seed);
    console.error(`${stderr}${last}\nrepeat it: npm run sim -- ${[...options, ...memo].join(" ")}`);
  }
  if (traces.size < 2) continue;
  failed.add(seed);
  console.error(`seed ${seed} takes another way with --no-memo: ${[...traces].join(" and ")}`);
}
console.log(`${SEEDS - failed.size} seeds hold, ${failed.size} do not`);
process.exitCode = failed.size === 0 ? 0 : 1;

interface Report {
  readonly traceHash: string;
  readonly violations: readonly unknown[];
}

/** Null if the simulator did not come to its report. */
function reportIn(line: string): Report | null {
  try {
    return JSON.parse(line) as Report;
  } catch {
    return null;
  }
}
