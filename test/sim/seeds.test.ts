import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { run } from "../../sim/run.ts";

const file = join(import.meta.dirname, "../seeds/worlds.txt");

const worlds = readFileSync(file, "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, seed, minutes, nodes, why] = /^--seed (\S+) --minutes (\d+) --nodes (\d+)\s+(.+)$/.exec(line) ?? [];
    return why === undefined ? [] : [{ seed: seed as string, minutes: Number(minutes), nodes: Number(nodes), why }];
  });

it("reads every line of the list", () => {
  const lines = readFileSync(file, "utf8").split("\n");
  expect(worlds).toHaveLength(lines.filter((line) => line !== "" && !line.startsWith("#")).length);
});

it.each(worlds)("seed $seed holds: $why", async ({ seed, minutes, nodes }) => {
  const { violations } = await run({ seed, minutes, nodes });
  expect(violations).toEqual([]);
});
