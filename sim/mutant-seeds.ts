import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MUTANTS } from "./mutant-list.ts";

/** What became of a mutant. */
export interface Verdict {
  readonly mutant: string;
  /** The first that sees it; null if none did. */
  readonly seed: number | null;
  readonly check: string;
}

const root = join(import.meta.dirname, "..");
/** The first seed that sees each mutant, as the last full run found it. */
const SEEDS = join(root, "test/seeds/mutants.txt");
const PAGE = join(root, "docs/simulator.md");
const TABLE = /\| guard that is gone \|.*?\n(?=\n)/s;

/** What the last run that kept anything found, by mutant; a line is `seed | mutant | check that sees it`. */
export function keptVerdicts(): Map<string, Verdict> {
  const lines = readFileSync(SEEDS, "utf8").split("\n");
  const fields = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(" | "));
  return new Map(
    fields.map(([seed, mutant = "", check = ""]): [string, Verdict] => [mutant, { mutant, seed: Number(seed), check }]),
  );
}

/** Beside what was kept before; the page has the same as a table. */
export function keep(verdicts: readonly Verdict[]): void {
  const known = keptVerdicts();
  for (const verdict of verdicts) if (verdict.seed !== null) known.set(verdict.mutant, verdict);
  const [head] = readFileSync(SEEDS, "utf8").split("\n", 1);
  const lines = inOrder(known).map(({ seed, mutant, check }) => `${seed} | ${mutant} | ${check}`);
  writeFileSync(SEEDS, `${head}\n${lines.join("\n")}\n`);
  writeFileSync(PAGE, pageWith(known));
}

/** The page of the simulator with the table of what is known. */
export function pageWith(known: ReadonlyMap<string, Verdict>): string {
  const rows = inOrder(known).map(({ seed, mutant, check }) => `| ${mutant} | ${seed} | ${check} |`);
  const head = ["| guard that is gone | first seed that sees it | by |", "|---|---|---|"];
  return readFileSync(PAGE, "utf8").replace(TABLE, () => `${[...head, ...rows].join("\n")}\n`);
}

function inOrder(known: ReadonlyMap<string, Verdict>): Verdict[] {
  return MUTANTS.flatMap(({ name }) => known.get(name) ?? []);
}
