import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "SECURITY.md"), "utf8");
/** `[file](test/….test.ts) “title”` */
const HELD_BY = /\]\((?<file>test\/[^)]+[.]test[.]ts)\) “(?<title>[^”]+)”/g;

const rows = page
  .split("\n")
  .filter((line) => /^[|] [TM][0-9]+ [|]/.test(line))
  .map((line) => ({ row: line.split("|")[1]?.trim() ?? "", line, named: [...line.matchAll(HELD_BY)] }));

describe("SECURITY.md", () => {
  it("has a row for each of the twenty threats, and some for the mesh", () => {
    const numbers = rows.map(({ row }) => row);
    expect(numbers.filter((row) => row.startsWith("T"))).toEqual(Array.from({ length: 20 }, (_, i) => `T${i + 1}`));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it.each(rows)("$row names tests that exist, or says openly what is missing", ({ line, named }) => {
    expect(named.length > 0 || /[*][*]not (built|held)[*][*]/.test(line)).toBe(true);
    for (const { groups } of named) {
      const path = join(root, groups?.["file"] ?? "");
      expect(existsSync(path), path).toBe(true);
      expect(readFileSync(path, "utf8"), path).toContain(groups?.["title"] ?? "");
    }
  });

  it("names no test in a way that this one would not find", () => {
    const links = page.match(/\]\(test\//g) ?? [];
    expect(rows.flatMap(({ named }) => named)).toHaveLength(links.length);
  });
});
