import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutant-list.ts";
import type { RunReport } from "./run.ts";

const FIRST_SEEDS = 20;
const WORKERS = 2;
/** The first seed that sees each mutant, as the last full run found it. */
const SEEDS = "test/seeds/mutants.txt";
const RUN = ["--minutes", "3", "--nodes", "7"];
const root = join(import.meta.dirname, "..");

interface Verdict {
  readonly mutant: string;
  /** Null if no seed saw it. */
  readonly seed: number | null;
  readonly check: string;
}

function copyOfSources(): string {
  const dir = mkdtempSync(join(tmpdir(), "lab-mutants-"));
  for (const part of ["src", "sim", "package.json"]) cpSync(join(root, part), join(dir, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  return dir;
}

/** What the last run that kept anything found, by mutant; a line is `seed | mutant | check that sees it`. */
function keptVerdicts(): Map<string, Verdict> {
  const lines = readFileSync(join(root, SEEDS), "utf8").split("\n");
  const fields = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(" | "));
  return new Map(
    fields.map(([seed, mutant = "", check = ""]): [string, Verdict] => [mutant, { mutant, seed: Number(seed), check }]),
  );
}

function keep(verdicts: readonly Verdict[]): void {
  const known = keptVerdicts();
  const [head] = readFileSync(join(root, SEEDS), "utf8").split("\n", 1);
  for (const verdict of verdicts) if (verdict.seed !== null) known.set(verdict.mutant, verdict);
  const lines = MUTANTS.flatMap(({ name }) => {
    const verdict = known.get(name);
    return verdict === undefined ? [] : [`${verdict.seed} | ${name} | ${verdict.check}`];
  });
  writeFileSync(join(root, SEEDS), `${head}\n${lines.join("\n")}\n`);
}

async function judge(dir: string, mutant: Mutant, seeds: readonly number[]): Promise<Verdict> {
  const path = join(dir, mutant.file);
  const original = readFileSync(path, "utf8");
  const parts = original.split(mutant.guard);
  if (parts.length !== 2) {
    throw new Error(`${mutant.file} has the guard of "${mutant.name}" ${parts.length - 1} times, not once`);
  }
  writeFileSync(path, parts.join(mutant.without));
  try {
    for (const seed of seeds) {
      const check = await violationOf(dir, seed, mutant.run ?? RUN);
      if (check !== null) return { mutant: mutant.name, seed, check };
    }
    return { mutant: mutant.name, seed: null, check: "" };
  } finally {
    writeFileSync(path, original);
  }
}

/** The first check that one seed violates, or null. */
async function violationOf(dir: string, seed: number, flags: readonly string[]): Promise<string | null> {
  const child = spawn(process.execPath, [join(dir, "sim/main.ts"), "--seed", `${seed}`, ...flags, "-o", "json"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code === 0) return null;
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  if (!last.startsWith("{")) return "crash";
  return (JSON.parse(last) as RunReport).violations[0]?.check ?? "crash";
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      kept: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
      output: { type: "string", short: "o" },
    },
  });
  const chosen = MUTANTS.filter(({ name }) => values.only === undefined || name.includes(values.only));
  if (chosen.length === 0) throw new Error(`no mutant is called "${values.only}"`);
  const known = keptVerdicts();
  const first = Array.from({ length: FIRST_SEEDS }, (_, i) => i + 1);
  const seedsFor = ({ name }: Mutant): readonly number[] => {
    const seed = known.get(name)?.seed ?? null;
    // In the check each has one seed to be seen by; else the first is looked for.
    return values.kept && seed !== null ? [seed] : first;
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
  if (values.output === "json") console.log(JSON.stringify({ mutants: verdicts.length, missed, verdicts }));
  else console.log(`${verdicts.length - missed} of ${verdicts.length} mutants seen`);
  process.exitCode = missed === 0 ? 0 : 1;
}

await main();
