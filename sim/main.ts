import { writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { NOTHING_LEFT_OUT } from "./acts.ts";
import { runRaces } from "./races.ts";
import { draw } from "./diagram.ts";
import { type RunOptions, type RunReport, run, runInFull } from "./run.ts";
import { shrink } from "./shrink.ts";
import { STORIES } from "./stories.ts";
import type { Violation } from "./world.ts";

const STORY_NAMES = Object.keys(STORIES);

const USAGE = `npm run sim -- --seed N [--minutes M] [--nodes K] [--writes W] [--calm] [--no-memo] [--doublecheck] [-o json]
npm run sim -- --races [--seed N] [--rounds R] [--tokens T] [-o json]
npm run sim -- ${STORY_NAMES.map((name) => `--${name}`).join("|")} [--seed N] [-o json]

  --seed N        which world (default 1)
  --minutes M     virtual minutes with faults; the heal and the checks come after them (default 10)
  --nodes K       honest machines (default 20)
  --without A,B   kinds of faults, by their names in the report, that this run does without
  --skip 3,7      acts, by their numbers, that this run does without
  --shrink        when it fails: the smallest world that fails alike, its command, and a drawing of it
  --draw          a drawing of the world, whatever becomes of it
  --writes W      operators' writes for each machine and minute (default 1)
  --calm          no faults
  --no-memo       every machine checks every signature itself
  --first         end at the first violation, with a line of JSON that has nothing else
  --doublecheck   run twice, and fail unless both took the same way
  --races         strangers race for tokens instead, while the mesh is cut: R cuts (default 5), T tokens in each (10)
${Object.entries(STORIES)
  .map(
    ([name, { about }]) => `  --${name.padEnd(14)}${about}
`,
  )
  .join("")}  -o json         one line of JSON at the end`;

interface Arguments extends RunOptions {
  readonly shrink: boolean;
  readonly draw: boolean;
  readonly doublecheck: boolean;
  /** One of {@link STORIES}; null for the usual world. */
  readonly told: string | null;
  /** Null for the usual world. */
  readonly races: { readonly rounds: number; readonly tokens: number } | null;
  readonly format: "json" | "text";
}

function readArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: "string", default: "1" },
      minutes: { type: "string", default: "10" },
      nodes: { type: "string", default: "20" },
      writes: { type: "string", default: "1" },
      calm: { type: "boolean", default: false },
      without: { type: "string", default: "" },
      skip: { type: "string", default: "" },
      shrink: { type: "boolean", default: false },
      draw: { type: "boolean", default: false },
      "no-memo": { type: "boolean", default: false },
      ...Object.fromEntries(STORY_NAMES.map((name) => [name, { type: "boolean" } as const])),
      races: { type: "boolean", default: false },
      rounds: { type: "string", default: "5" },
      tokens: { type: "string", default: "10" },
      doublecheck: { type: "boolean", default: false },
      first: { type: "boolean", default: false },
      output: { type: "string", short: "o", default: "text" },
    },
  });
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (!(value > 0)) throw new Error(`--${name} takes a number above zero, not "${text}"`);
    return value;
  };
  if (values.output !== "json" && values.output !== "text") throw new Error("-o takes json or text");
  return {
    seed: values.seed,
    minutes: number("minutes", values.minutes),
    nodes: number("nodes", values.nodes),
    writesPerMachineAndMinute: number("writes", values.writes),
    faults: values.calm ? "none" : "drawn",
    leftOut: {
      kinds: new Set(values.without.split(",").filter((kind) => kind !== "")),
      numbers: new Set(
        values.skip
          .split(",")
          .filter((text) => text !== "")
          .map((text) => number("skip", text)),
      ),
    },
    shrink: values.shrink,
    draw: values.draw,
    story: values.draw,
    memo: values["no-memo"] ? "none" : "shared",
    doublecheck: values.doublecheck,
    ...(values.first ? { onViolation: endAt } : {}),
    told: STORY_NAMES.find((name) => (values as Readonly<Record<string, unknown>>)[name] === true) ?? null,
    races: values.races ? { rounds: number("rounds", values.rounds), tokens: number("tokens", values.tokens) } : null,
    format: values.output,
  };
}

function replayCommand(options: Arguments): string {
  const { seed, races, told } = options;
  if (told !== null) return `npm run sim -- --${told} --seed ${seed}`;
  if (races !== null) return `npm run sim -- --races --seed ${seed} --rounds ${races.rounds} --tokens ${races.tokens}`;
  const parts = [
    "npm run sim --",
    `--seed ${options.seed}`,
    `--minutes ${options.minutes}`,
    `--nodes ${options.nodes}`,
  ];
  if (options.writesPerMachineAndMinute !== 1) parts.push(`--writes ${options.writesPerMachineAndMinute}`);
  if (options.faults === "none") parts.push("--calm");
  const { kinds, numbers } = options.leftOut ?? NOTHING_LEFT_OUT;
  if (kinds.size > 0) parts.push(`--without "${[...kinds].join(",")}"`);
  if (numbers.size > 0) parts.push(`--skip ${[...numbers].sort((a, b) => a - b).join(",")}`);
  if (options.memo === "none") parts.push("--no-memo");
  if (options.doublecheck) parts.push("--doublecheck");
  return parts.join(" ");
}

/** Whoever asks only whether there is one need not wait for the rest of the world. */
function endAt(violation: Violation): void {
  writeSync(process.stdout.fd, `${JSON.stringify({ violations: [violation] })}\n`);
  process.exit(1);
}

function runOnce(options: Arguments): Promise<RunReport> {
  const story = options.told === null ? undefined : STORIES[options.told];
  const { onViolation, races, seed } = options;
  const world = { seed, ...(onViolation === undefined ? {} : { onViolation }) };
  if (story !== undefined) return story.run(world);
  if (races !== null) return runRaces({ ...world, ...races });
  return options.doublecheck ? runTwice(options) : run(options);
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
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(", ");
  console.log(`seed ${seed}: ${virtualSeconds} virtual seconds in ${wallSeconds} s, trace ${traceHash.slice(0, 12)}`);
  console.log(`faults: ${counts(faults)}`);
  console.log(`met: ${counts(sometimes)}`);
  if (told === null) {
    console.log(convergedSeconds === null ? "not converged" : `converged ${convergedSeconds} s after the heal`);
  }
  for (const { check, atSeconds, detail } of violations) console.log(`VIOLATION ${check} at ${atSeconds} s: ${detail}`);
}

async function drawIt(options: Arguments): Promise<void> {
  const { machines, scenes } = await runInFull({ ...options, story: true });
  console.log(`\n${draw(machines, scenes)}`);
}

async function shrinkIt(options: Arguments): Promise<void> {
  const small = await shrink(options, await runInFull(options));
  const { acts, report } = small.outcome;
  const [first] = report.violations;
  console.log(`\nshrunk in ${small.runs} runs to ${small.options.nodes} machines and ${acts.length} acts:`);
  console.log(`${first?.check} at ${first?.atSeconds} s: ${first?.detail}`);
  console.log(replayCommand({ ...options, ...small.options }));
  await drawIt({ ...options, ...small.options });
}

async function main(): Promise<void> {
  if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
    console.log(USAGE);
    return;
  }
  let options: Arguments;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  // A promise that nobody waits for was rejected: the agent would go on with half of its work undone.
  process.on("unhandledRejection", (error) => {
    console.error(error);
    console.error(`replay it: ${replayCommand(options)}`);
    process.exit(1);
  });
  const begunMs = performance.now();
  const report = await runOnce(options);
  print(report, Math.round(performance.now() - begunMs) / 1000, options);
  if (options.draw) await drawIt(options);
  if (report.violations.length === 0) return;
  console.error(`replay it: ${replayCommand(options)}`);
  if (options.shrink && options.told === null && options.races === null) await shrinkIt(options);
  process.exitCode = 1;
}

await main();
