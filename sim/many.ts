// Runs the simulator over many seeds, and asks of all together that they met what they are for.
//
//   npm run check:seeds    the first seeds, until enough was done to them
//   npm run sim:night      as many as it takes, for a night: what was done is noted in .lab/night.json, and a run that
//                          was ended goes on from there while the sources are the same (--anew: from the beginning)
//
// A violation, or a crash of the simulator, ends with the command that repeats it. Every twentieth seed runs once more,
// with every signature checked on every machine, and must take the same way: there all memory is the machines' own, and
// what they hold after a collection is judged as well.
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { NightNotes } from "./night-notes.ts";
import { MEMORY, OF_A_NIGHT, OF_THE_CHECK } from "./sometimes.ts";

const UNREMEMBERED_EVERY = 20;
const MINUTES = 3;
const NODES = 7;
/** Every so manieth world is one of twenty machines. */
const LARGE_EVERY = 10;
const LARGE_NODES = 20;

const main = join(import.meta.dirname, "main.ts");

interface Report {
  readonly traceHash: string;
  readonly acts: number;
  readonly pairs: readonly string[];
  readonly states: readonly string[];
  readonly faults: Readonly<Record<string, number>>;
  readonly sometimes: Readonly<Record<string, number>>;
  readonly virtualSeconds: number;
  readonly violations: readonly unknown[];
}

const { values } = parseArgs({
  options: {
    night: { type: "boolean", default: false },
    acts: { type: "string" },
    first: { type: "string", default: "1" },
    seeds: { type: "string" },
    anew: { type: "boolean", default: false },
  },
});
const wantedActs = Number(values.acts ?? (values.night ? 200_000 : 2_000));
const leastSeeds = Number(values.seeds ?? 20);
/** What is rare is looked for a while longer: any change of behaviour makes other worlds of the first seeds. */
const mostSeeds = 3 * leastSeeds;
const wanted = values.night ? OF_A_NIGHT : OF_THE_CHECK;

const notes = new NightNotes(values.night ? join(import.meta.dirname, "../.lab/night.json") : null, {
  first: Number(values.first),
  anew: values.anew,
});
const { totals } = notes;
if (totals.seeds > 0) console.log(`goes on after ${totals.seeds} worlds and ${totals.acts} acts`);
const begunMs = performance.now();
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
judge();

async function work(): Promise<void> {
  while (totals.acts < wantedActs || totals.seeds < leastSeeds || (unmet().length > 0 && totals.seeds < mostSeeds)) {
    const seed = notes.take();
    await runSeed(seed);
    notes.done(seed);
  }
}

async function runSeed(seed: number): Promise<void> {
  const nodes = seed % LARGE_EVERY === 0 ? LARGE_NODES : NODES;
  const options = ["--seed", String(seed), "--minutes", String(MINUTES), "--nodes", String(nodes)];
  const report = await runOnce(options, seed);
  if (seed % UNREMEMBERED_EVERY === 0) {
    const other = await runOnce([...options, "--no-memo"], seed, ["--expose-gc"]);
    count(MEMORY, other?.sometimes[MEMORY] ?? 0);
    if (report?.traceHash !== other?.traceHash) {
      totals.failed.add(seed);
      console.error(`seed ${seed} takes another way with --no-memo: npm run sim -- ${options.join(" ")}`);
    }
  }
  totals.seeds++;
  if (report === null) return;
  totals.acts += report.acts;
  totals.virtualSeconds += report.virtualSeconds;
  const counted = [...Object.entries(report.faults), ...Object.entries(report.sometimes)];
  for (const [what, times] of counted) count(what, times);
  for (const what of [...report.pairs, ...report.states]) count(what, 1);
}

function unmet(): string[] {
  return wanted.filter((what) => !totals.met.has(what));
}

function count(what: string, times: number): void {
  if (times > 0) totals.met.set(what, (totals.met.get(what) ?? 0) + times);
}

async function runOnce(options: readonly string[], seed: number, node: readonly string[] = []): Promise<Report | null> {
  const child = spawn(process.execPath, [...node, main, ...options, "-o", "json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors] = [collect(child.stdout), collect(child.stderr)];
  const code = await new Promise((resolve) => child.on("close", resolve));
  const last = (await output).trimEnd().split("\n").at(-1) ?? "";
  const report = reportIn(last);
  if (code === 0 && report?.violations.length === 0) return report;
  totals.failed.add(seed);
  console.error(
    `${await errors}${JSON.stringify(report?.violations) ?? last}\nrepeat it: node ${[...node, "sim/main.ts", ...options].join(" ")}`,
  );
  return report;
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

/** Null if the simulator did not come to its report. */
function reportIn(line: string): Report | null {
  try {
    return JSON.parse(line) as Report;
  } catch {
    return null;
  }
}

function judge(): void {
  const { acts, failed, met, seeds, virtualSeconds } = totals;
  const minutes = ((performance.now() - begunMs) / 60_000).toFixed(1);
  for (const [what, times] of [...met].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!what.includes(" × ")) console.log(`  ${what}: ${times}`);
  }
  const never = unmet();
  console.log(
    `${seeds} worlds, ${Math.round(virtualSeconds / 60)} virtual minutes, ${acts} acts; this run took ${minutes} minutes`,
  );
  console.log(`${wanted.length - never.length} of ${wanted.length} things that must be met were met`);
  for (const what of never) console.log(`NEVER MET ${what}`);
  const names = failed.size > 0 ? `: ${[...failed].join(" ")}` : "";
  console.log(`${seeds - failed.size} worlds hold, ${failed.size} do not${names}`);
  process.exitCode = failed.size + never.length === 0 ? 0 : 1;
}
