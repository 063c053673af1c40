import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const SKIPPED = new Set([".git", "node_modules", "dist", ".lab"]);
/** Test vectors made by others, and homes that earlier releases left, stay byte for byte as they came. */
const FOREIGN = /^test\/(vectors|homes)\/(?!.*[.]md$)/;
/** Generated, or a text that others wrote. */
const NOT_OURS = /^(package-lock[.]json|LICENSE)$/;
const LONGEST_FILE_LINES = 600;

function walk(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !SKIPPED.has(name))
    .flatMap((entry) => (entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)]));
}

const files = walk("").filter((path) => !FOREIGN.test(path) && !NOT_OURS.test(path));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const source = files.filter((path) => /^(src|sim|bench|scripts|test)\/.*[.]ts$/.test(path));

/** Names that say nothing about what is inside. */
const EMPTY_WORDS = /(^|-)(managers?|utils?|helpers?|engines?|commons?|misc|stuff)([-.]|$)/;
const BANNED = [
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, instead: "do it, or write an issue" },
  { pattern: /\bconsole[.](debug|trace)\b/, instead: "the Log port" },
  { pattern: /\bdebugger\b/, instead: "a test" },
  { pattern: /^\s*\/\/.*[;{]$/m, instead: "delete code that is commented out; history keeps it" },
  { pattern: /@ts-(ignore|nocheck)\b/, instead: "@ts-expect-error with a reason" },
];
// This file has to spell what it bans.
const judged = source.filter((path) => basename(path) !== "tidy.test.ts");

describe("the tree is tidy", () => {
  it("names files in kebab-case, after what is inside", () => {
    const odd = source.filter(
      (path) => !/^[a-z0-9]+(-[a-z0-9]+)*([.](test|config|contract))?[.]ts$/.test(basename(path)),
    );
    expect(odd).toEqual([]);
    expect(source.filter((path) => path.split("/").some((part) => EMPTY_WORDS.test(part)))).toEqual([]);
  });

  it.each(BANNED)("does without $pattern: $instead", ({ pattern }) => {
    expect(judged.filter((path) => pattern.test(read(path)))).toEqual([]);
  });

  it("asks the Clock port for the time, except at the edge", () => {
    const edge = /^src\/(cli|demo|node\/(platform|api)|mesh\/libp2p)\//;
    const inside = source.filter((path) => /^(src|sim)\//.test(path) && !edge.test(path) && path !== "sim/main.ts");
    expect(inside.filter((path) => /new Date\(\)|\bDate\.now\b/.test(read(path)))).toEqual([]);
  });

  it(`keeps every file of src and sim below ${LONGEST_FILE_LINES} lines`, () => {
    const long = source.filter(
      (path) => /^(src|sim)\//.test(path) && read(path).split("\n").length > LONGEST_FILE_LINES,
    );
    expect(long).toEqual([]);
  });

  it("ends every file with one newline", () => {
    expect(files.filter((path) => !/(^|[^\n])\n$/.test(read(path)))).toEqual([]);
  });

  it("has documents whose links lead somewhere", () => {
    const broken = files
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) =>
        linksOf(path)
          .filter((link) => !resolves(path, link))
          .map((link) => `${path}: ${link}`),
      );
    expect(broken).toEqual([]);
  });
});

function prose(path: string): string {
  return read(path)
    .replace(/^```[^]*?^```/gm, "")
    .replace(/`[^`\n]*`/g, "");
}

function linksOf(path: string): string[] {
  return [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/.test(link));
}

function resolves(from: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : relative(root, join(root, dirname(from), path));
  if (!existsSync(join(root, target))) return false;
  return anchor === undefined || !target.endsWith(".md") || headingsOf(target).includes(anchor);
}

/** Anchors as Git forges make them of headings. */
function headingsOf(path: string): string[] {
  const headings = read(path).matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
