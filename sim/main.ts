import { writeSync } from "node:fs";
import { wrapped } from "../scripts/flags.ts";
import { type Arguments, readArguments, replayCommand } from "./command-line.ts";
import { draw } from "./diagram.ts";
import { runRaces } from "./races.ts";
import { type RunReport, run, runInFull } from "./run.ts";
import { shrink } from "./shrink.ts";
import { STORIES } from "./stories.ts";
import type { Violation } from "./world.ts";

/** Whoever asks only whether there is one need not wait for the rest of the world. */
function endAt(violation: Violation): void {
  writeSync(process.stdout.fd, `${JSON.stringify({ violations: [violation] })}\n`);
  process.exit(1);
}

function runOnce(options: Arguments): Promise<RunReport> {
  const story = options.told === null ? undefined : STORIES[options.told];
  const { races, seed } = options;
  const heard = options.first ? { onViolation: endAt } : {};
  if (story !== undefined) return story.run({ seed, ...heard });
  if (races !== null) return runRaces({ seed, ...races, ...heard });
  return options.doublecheck ? runTwice({ ...options, ...heard }) : run({ ...options, ...heard });
}

/** The same world again must take the same way, to the last message. */
async function runTwice(options: Arguments): Promise<RunReport> {
  const [first, second] = [await run(options), await run(options)];
  if (first.traceHash === second.traceHash) return first;
  const detail = `the same seed took two ways: ${first.traceHash.slice(0, 12)} and ${second.traceHash.slice(0, 12)}`;
  return { ...first, violations: [...first.violations, { check: "determinism", atSeconds: 0, detail }] };
}

function print(report: RunReport, wallSeconds: number, options: Arguments): void {
  const { format, told } = options;
  if (format === "json") {
    console.log(JSON.stringify({ ...report, wallSeconds }));
    return;
  }
  const { seed, traceHash, virtualSeconds, convergedSeconds, faults, sometimes, violations } = report;
  console.log(`seed ${seed}: ${virtualSeconds} virtual seconds in ${wallSeconds} s, trace ${traceHash.slice(0, 12)}`);
  console.log(counted("faults: ", faults));
  console.log(counted("met: ", sometimes));
  if (told === null) {
    console.log(convergedSeconds === null ? "not converged" : `converged ${convergedSeconds} s after the heal`);
  }
  for (const { check, atSeconds, detail } of violations) console.log(`VIOLATION ${check} at ${atSeconds} s: ${detail}`);
  console.log(violations.length === 0 ? "✓ everything that must hold held" : `✗ ${violations.length} violations`);
}

function counted(head: string, of: Readonly<Record<string, number>>): string {
  const counts = Object.entries(of).map(([what, count]) => `${what} ${count}`);
  return wrapped(head, counts.length === 0 ? "none" : counts.join(", "));
}

const LEGEND = `╳ an act, by the number that --skip takes    ┬ ┴ a machine starts, stops
◆ an operator's entry comes into the mesh    ●──▶ one machine has it from another`;

async function drawIt(options: Arguments): Promise<void> {
  const { machines, scenes } = await runInFull({ ...options, story: true });
  console.log(`\n${draw(machines, scenes)}\n\n${LEGEND}`);
}

async function shrinkIt(options: Arguments): Promise<void> {
  const small = await shrink(options, await runInFull(options));
  const { acts, report } = small.outcome;
  const [first] = report.violations;
  console.log(`\nshrunk in ${small.runs} runs to ${small.options.nodes} machines and ${acts.length} acts:`);
  console.log(`${first?.check} at ${first?.atSeconds} s: ${first?.detail}`);
  console.log(`repeat it: ${replayCommand({ ...options, ...small.options })}`);
  await drawIt({ ...options, ...small.options });
}

async function main(): Promise<void> {
  const options = readArguments();
  // A promise that nobody waits for was rejected: the agent would go on with half of its work undone.
  process.on("unhandledRejection", (error) => {
    console.error(error);
    console.error(`repeat it: ${replayCommand(options)}`);
    process.exit(1);
  });
  const begunMs = performance.now();
  const report = await runOnce(options);
  print(report, Math.round(performance.now() - begunMs) / 1000, options);
  if (options.draw) await drawIt(options);
  if (report.violations.length === 0) return;
  console.error(`repeat it: ${replayCommand(options)}`);
  if (options.shrink) await shrinkIt(options);
  else if (options.told === null && options.races === null) {
    console.error(`make it small, and draw it: ${replayCommand(options)} --shrink`);
  }
  process.exitCode = 1;
}

await main();
