import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MUTANTS } from "../../sim/mutant-list.ts";

const root = join(import.meta.dirname, "../..");

describe("mutants of the simulator", () => {
  it.each(MUTANTS)("$name: its guard stands once in $file", ({ file, guard, without }) => {
    const parts = readFileSync(join(root, file), "utf8").split(guard);
    expect(parts).toHaveLength(2);
    expect(parts.join(without)).not.toBe(parts.join(guard));
  });

  it("that have a seed kept for them are still there", () => {
    const lines = readFileSync(join(root, "test/seeds/mutants.txt"), "utf8").split("\n");
    const kept = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(" | ")[1]);
    const names = MUTANTS.map(({ name }) => name);
    expect(kept.filter((name) => !names.includes(name ?? ""))).toEqual([]);
    expect(new Set(kept).size).toBe(kept.length);
  });

  it("have names of their own, and what ships knows none of them", () => {
    const names = MUTANTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const dist = join(root, "dist");
    expect(existsSync(dist)).toBe(true);
    const shipped = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((path) =>
      /[.](c?js|json)$/.test(path),
    );
    expect(shipped.length).toBeGreaterThan(0);
    for (const path of shipped) {
      const text = readFileSync(join(dist, path), "utf8");
      expect(names.filter((name) => text.includes(name))).toEqual([]);
    }
  });
});
