import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemsOf } from "./problems-of.ts";

/** As large as a file may be. */
const BYTES = 1024 * 1024;
/** What of the heap reading such a file may take; a machine with one gigabyte survives it. */
const HEAP_MB = 400;
/** On two cores that others use, too; alone it is one. */
const WITHIN_MS = 30_000;

function filled(unit: string, before = "", after = ""): string {
  return before + unit.repeat(Math.floor((BYTES - before.length - after.length) / unit.length)) + after;
}

/** Text of the largest size that is made to take more than its size, and how the refusal begins. */
const LARGE: Readonly<Record<string, readonly [text: () => string, said: RegExp]>> = {
  "brackets without end": [() => filled("["), /1:65 - is nested more than 64 levels deep/],
  "maps in maps": [() => filled("{a: "), /1:254 - is nested more than 64/],
  "dashes in a line": [() => filled("- "), /1:128 - is nested more than 64/],
  "questions in a line": [() => filled("? "), /1:128 - is nested more than 64/],
  aliases: [() => filled("*a, ", "labels: { a: &a {}, b: [", "] }"), /1:40021 - more than 10000 anchors/],
  anchors: [() => filled("&a x, ", "labels: [", "]"), /more than 10000 anchors/],
  tags: [() => filled("!a "), /more than 10000 anchors/],
  directives: [() => filled("%\n"), /10001:1 - more than 10000 anchors, aliases, tags and directives/],
  documents: [() => filled("---\n"), /more than 10000 documents/],
  values: [() => filled("x,", "labels: { web: { ports: [", "] } }"), /more than 250000 values/],
  "one key again and again": [() => filled("  a: 1\n", "labels:\n"), /more than 250000 values/],
  faults: [
    () => filled("- { name: a, condition: x }\n", "alerts:\n").trimEnd(),
    /2:25 alerts\.0\.condition - column 1/,
  ],
};

/** Small texts that grow when they are read, or look like what they are not. */
const SMALL: readonly (readonly [what: string, text: string, said: RegExp])[] = [
  ["a bomb of aliases", bomb(), /5:36 d\.7 - aliases repeat more than 10000 values by here/],
  ["an alias of what it stands in", "labels: &a { b: *a }", /1:17 labels\.b - \*a is an alias of what it stands in/],
  ["a merge", "labels: { a: &a {}, b: { <<: *a } }", /1:26 labels\.b\.<< - is a merge of YAML 1\.1/],
  ["YAML 1.1", "%YAML 1.1\n---\nlabels: { no: {} }", /1:1 - is YAML 1\.1; only YAML 1\.2 is read/],
  ["YAML of the future", "%YAML 2.0\n---\nlabels: {}", /1:7 - Unsupported YAML version 2\.0|1:1 - is YAML/],
  ["a key that is a list", "labels: { ? [a] : {} }", /1:13 labels - has a key that is no text/],
  ["a key of every object", "labels: { constructor: {}, __proto__: {} }", /1:28 labels\.__proto__ - is not a name/],
  ["a NUL", "labels: { a\u0000b: {} }", /1:12 - has the character U\+0000/],
  ["an escape for the terminal", "# \u001b[2J\nlabels: {}", /1:3 - has the character U\+001B/],
  ["text that turns around", "labels: { admin: {} } # \u202e } :gnihton", /1:25 - has the character U\+202E/],
  ["a mark in the middle", "labels: { a\ufeff: {} }", /1:12 - has the character U\+FEFF/],
  ["a separator of lines that is none", "labels: {}\u2028servers: {}", /1:11 - has the character U\+2028/],
  [
    "an infinite number",
    "labels: { a: { ports: .inf } }",
    /1:23 labels\.a\.ports - \.inf is a number that cannot be kept/,
  ],
  ["a number that is too large", "labels: { a: { ports: 1e999 } }", /1e999 is a number that cannot be kept/],
  ["a binary", "labels: { a: { size: !!binary aGk= } }", /is neither text, number/],
  ["a path that climbs", "secrets: { web/../../etc/shadow: {} }", /is not a secret's path/],
  ["a path that begins at the root", "labels: { a: { secrets: [/etc/shadow] } }", /is not a secret's path/],
  [
    "a parameter too deep",
    "labels: { a: { puppet_classes: [{ x: { p: [[[[[1]]]]] } }] } }",
    /more than one parameter can hold/,
  ],
  [
    "a parameter called constructor",
    "labels: { a: { puppet_classes: [{ x: { p: { constructor: 1 } } }] } }",
    /can hold/,
  ],
  ["a text too long", `labels: { a: { puppet_classes: [{ x: { p: ${"y".repeat(20_000)} } }] } }`, /can hold/],
  ["a name too long", `labels: { ${"a".repeat(64)}: {} }`, /is not a label/],
  ["a name that looks like another", "labels: { wеb: {} }", /is not a label/],
];

function bomb(): string {
  const lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 0; i < 8; i++) {
    const [before, own] = [i, i + 1].map((n) => String.fromCharCode("a".charCodeAt(0) + n));
    lines.push(`${own}: &${own} [${Array(10).fill(`*${before}`).join(", ")}]`);
  }
  return `labels: {}\n${lines.join("\n")}\n`;
}

describe("hostile text", () => {
  test.each(SMALL)("with %s is refused by what it is", (_, text, said) => {
    expect(problemsOf(text).join("\n")).toMatch(said);
  });

  test.each(Object.entries(LARGE))("of a megabyte of %s is refused in time", (_, [text, said]) => {
    const beganMs = performance.now();
    expect(problemsOf(text())[0]).toMatch(said);
    expect(performance.now() - beganMs).toBeLessThan(WITHIN_MS);
  });

  test("is never shown at length", () => {
    const long = "x".repeat(1000);
    const texts = [`${long}: 1`, `labels: { a: { ${long}: 1 } }`, `labels: { "${long}": {} }`, `!${long} a`];
    for (const line of texts.flatMap((text) => problemsOf(text))) expect(line.length, line).toBeLessThan(450);
  });
});

describe("a hostile file", () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "lab-hostile-"));
  });

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** The command as people run it, with a heap that is bounded. */
  function validate(path: string): { readonly exit: number | null; readonly said: string } {
    const lab = join(import.meta.dirname, "../../../dist/lab.cjs");
    const argv = [`--max-old-space-size=${HEAP_MB}`, lab, "validate", "-f", path];
    const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 2 * WITHIN_MS });
    return { exit: status, said: stderr };
  }

  test.each(["values", "faults", "directives"])("full of %s is read within a bounded heap", (name) => {
    const path = join(directory, "large.yaml");
    const [text, said] = LARGE[name] ?? [() => "", /$/];
    writeFileSync(path, text());
    const answer = validate(path);
    expect(answer).toMatchObject({ exit: 2 });
    expect(answer.said).toMatch(said);
  });

  test("of a hundred megabytes, or that never ends, is read no further than it may be", () => {
    const path = join(directory, "huge.yaml");
    writeFileSync(path, Buffer.alloc(100 * 1024 * 1024, "# x\n"));
    for (const one of [path, "/dev/zero"]) {
      const beganMs = performance.now();
      expect(validate(one)).toEqual({
        exit: 2,
        said: `error: ${one} is larger than 1 MiB\nhint: split it into several files\n`,
      });
      expect(performance.now() - beganMs).toBeLessThan(WITHIN_MS / 3);
    }
  });

  test("in a directory is passed over if it is a pipe, and a link that leads back is not followed", () => {
    const inner = mkdtempSync(join(directory, "tree-"));
    writeFileSync(join(inner, "a.yaml"), "labels: { web: {} }\n");
    symlinkSync(inner, join(inner, "again"));
    spawnSync("mkfifo", [join(inner, "pipe.yaml")]);
    expect(validate(inner)).toEqual({ exit: 0, said: "" });
  });
});
