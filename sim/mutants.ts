import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flagLine, readFlags } from "../scripts/flags.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutant-list.ts";
import { keep, keptVerdicts, type Verdict } from "./mutant-seeds.ts";
import type { RunReport } from "./run.ts";

const FIRST_SEEDS = 20;
const WORKERS = 2;
const RUN = ["--minutes", "3", "--nodes", "7"];
const USAGE = `npm run sim:mutants -- [--only WORDS] [--kept] [--keep] [--copy] [-o json]

Takes guards out of a copy of the sources, one at a time, and runs worlds of the
simulator until one sees it. Ends with 1 if none does.

${[
  flagLine("--only WORDS", "guards with these words in their names"),
  flagLine("--kept", "begin with the seed in test/seeds/mutants.txt"),
  flagLine("--keep", "write the seed that sees it there, and into docs/simulator.md"),
  flagLine("--copy", "of one guard: leave the copy without it, and say how to see it fail"),
  flagLine("-o json", "one line of JSON at the end"),
].join("\n")}

For example, a failure to look at, in less than a minute:
  npm run sim:mutants -- --only "half a batch counts" --copy`;

const root = join(import.meta.dirname, "..");

function copyOfSources(): string {
  const dir = mkdtempSync(join(tmpdir(), "lab-mutants-"));
  for (const part of ["src", "sim", "scripts", "test/releases", "package.json"])
    cpSync(join(root, part), join(dir, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  return dir;
}

/** Returns what puts the guard back. */
function takeOut(dir: string, mutant: Mutant): () => void {
  const path = join(dir, mutant.file);
  const original = readFileSync(path, "utf8");
  const parts = original.split(mutant.guard);
  if (parts.length !== 2) {
    throw new Error(`${mutant.file} has the guard of "${mutant.name}" ${parts.length - 1} times, not once`);
  }
  writeFileSync(path, parts.join(mutant.without));
  return () => writeFileSync(path, original);
}

async function judge(dir: string, mutant: Mutant, seeds: readonly number[]): Promise<Verdict> {
  const putBack = takeOut(dir, mutant);
  try {
    for (const seed of seeds) {
      const check = await violationOf(dir, seed, mutant.run ?? RUN);
      if (check !== null) return { mutant: mutant.name, seed, check };
    }
    return { mutant: mutant.name, seed: null, check: "" };
  } finally {
    putBack();
  }
}

/** For whoever wants to see it with his own eyes. */
function leaveCopy(mutant: Mutant, seed: number): void {
  const dir = copyOfSources();
  takeOut(dir, mutant);
  const words = ["npm run sim --", `--seed ${seed}`, ...(mutant.run ?? RUN)].join(" ");
  console.log(`\n${mutant.file} is without it in ${dir}\nsee it fail:\n  cd ${dir} && ${words}`);
  if (mutant.run === undefined) console.log(`make it small, and draw it:\n  cd ${dir} && ${words} --shrink`);
}

/** The first check that one seed violates, or null. Throws when the simulator does not come to its report: that sees nothing. */
async function violationOf(dir: string, seed: number, flags: readonly string[]): Promise<string | null> {
  const child = spawn(
    process.execPath,
    [join(dir, "sim/main.ts"), "--seed", `${seed}`, ...flags, "--first", "-o", "json"],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (code === 0) return null;
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  const [first] = last.startsWith("{") ? (JSON.parse(last) as RunReport).violations : [];
  if (first === undefined) throw new Error(`no report of seed ${seed} ${flags.join(" ")}: exit ${code}\n${errors}`);
  return first.check;
}

async function main(): Promise<void> {
  const options = {
    only: { type: "string" },
    kept: { type: "boolean" },
    keep: { type: "boolean" },
    copy: { type: "boolean" },
    output: { type: "string", short: "o" },
  } as const;
  const { values, chosen } = readFlags(USAGE, options, (given) => {
    const { only } = given;
    const named = MUTANTS.filter(({ name }) => only === undefined || name.includes(only));
    if (named.length === 0) throw new Error(`no guard has "${only}" in its name: docs/simulator.md has all of them`);
    if (given.copy && named.length !== 1) throw new Error(`--copy is for one guard, and these are ${named.length}`);
    return { values: given, chosen: named };
  });
  const known = keptVerdicts();
  const first = Array.from({ length: FIRST_SEEDS }, (_, i) => i + 1);
  const seedsFor = ({ name }: Mutant): readonly number[] => {
    const seed = known.get(name)?.seed ?? null;
    // Whatever draws chance once more or less makes other worlds of all seeds: then another one has to see it.
    return values.kept && seed !== null ? [seed, ...first.filter((other) => other !== seed)] : first;
  };
  const verdicts: Verdict[] = [];
  const waiting = [...chosen];
  await Promise.all(Array.from({ length: Math.min(WORKERS, waiting.length) }, work));
  async function work(): Promise<void> {
    const dir = copyOfSources();
    try {
      for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
        const verdict = await judge(dir, mutant, seedsFor(mutant));
        verdicts.push(verdict);
        const { seed, check } = verdict;
        console.log(`| ${mutant.name} | ${seed === null ? "**not seen**" : seed} | ${check} |`);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  }
  if (values.keep) keep(verdicts);
  const missed = verdicts.filter(({ seed }) => seed === null).length;
  const seen = verdicts.find(({ seed }) => seed !== null)?.seed ?? null;
  if (values.copy && seen !== null) leaveCopy(chosen[0] as Mutant, seen);
  if (values.output === "json") console.log(JSON.stringify({ mutants: verdicts.length, missed, verdicts }));
  else console.log(`${verdicts.length - missed} of ${verdicts.length} mutants seen`);
  process.exitCode = missed === 0 ? 0 : 1;
}

await main();
