import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MUTANTS } from "../../sim/mutant-list.ts";
import { keptVerdicts, pageWith } from "../../sim/mutant-seeds.ts";

const root = join(import.meta.dirname, "../..");

describe("every guard that can be taken out", () => {
  it("stands once in the sources", () => {
    const wrong = MUTANTS.filter(({ file, guard }) => readFileSync(join(root, file), "utf8").split(guard).length !== 2);
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it("has a seed that sees it gone, which the check runs and the page of the simulator names", () => {
    const known = keptVerdicts();
    expect([...known.keys()].sort()).toEqual(MUTANTS.map(({ name }) => name).sort());
    expect(pageWith(known)).toBe(readFileSync(join(root, "docs/simulator.md"), "utf8"));
  });
});
