// Runs the simulator over many seeds, and asks of all together that they met what they are for.
//
// A violation, or a crash of the simulator, ends with the command that repeats it. Every twentieth seed runs once more,
// with every signature checked on every machine, and must take the same way: there all memory is the machines' own, and
// what they hold after a collection is judged as well.
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { flagLine, numberFrom, readFlags } from "../scripts/flags.ts";
import { NightNotes } from "./night-notes.ts";
import { MEMORY, OF_A_NIGHT, OF_THE_CHECK } from "./sometimes.ts";

const UNREMEMBERED_EVERY = 20;
const MINUTES = 3;
const NODES = 7;
/** Every so manieth world is one of twenty machines. */
const LARGE_EVERY = 10;
const LARGE_NODES = 20;

const USAGE = `npm run check:seeds -- [--first N] [--seeds N] [--acts N]
npm run sim:night -- [--first N] [--seeds N] [--acts N] [--anew]

Worlds of the simulator, seed after seed, until enough was done to them and all
that must be met was met. check:seeds takes the first ones; sim:night takes as
many as it takes, notes in .lab/night.json what was done, and goes on from there
when it was ended, as long as the sources are the same. Ends with 1 if a world
fails, which it tells with the command that repeats it, or if something that
must be met was not.

${[
  flagLine("--first N", "the seed to begin with (default 1)"),
  flagLine("--seeds N", "at least so many worlds, and at most three times as many for what is rare (default 20)"),
  flagLine("--acts N", "at least so many acts in all (default 2000; 200000 for a night)"),
  flagLine("--anew", "forget what .lab/night.json says"),
].join("\n")}

For example, some minutes of worlds that nobody has seen yet:
  npm run check:seeds -- --first 1000 --acts 500`;

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

const OPTIONS = {
  night: { type: "boolean" },
  acts: { type: "string" },
  first: { type: "string" },
  seeds: { type: "string" },
  anew: { type: "boolean" },
} as const;

const { isNight, wantedActs, leastSeeds, first, anew } = readFlags(USAGE, OPTIONS, (values) => ({
  isNight: values.night ?? false,
  wantedActs: numberFrom(1, "acts", values.acts ?? (values.night ? "200000" : "2000")),
  leastSeeds: numberFrom(1, "seeds", values.seeds ?? "20"),
  first: numberFrom(1, "first", values.first ?? "1"),
  anew: values.anew ?? false,
}));
/** What is rare is looked for a while longer: any change of behaviour makes other worlds of the first seeds. */
const mostSeeds = 3 * leastSeeds;
const wanted = isNight ? OF_A_NIGHT : OF_THE_CHECK;

const notes = new NightNotes(isNight ? join(import.meta.dirname, "../.lab/night.json") : null, { first, anew });
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
