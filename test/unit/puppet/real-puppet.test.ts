import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scanManifest } from "../../../src/core/puppet/code.ts";
import { NAMES_NONE, NAMES_ONE } from "./samples.ts";

const isMissing = spawnSync("puppet", ["--version"]).status !== 0;
const reason = isMissing ? " (skipped: puppet is not installed)" : "";

/** A part of what `puppet parser dump --format json` says: `{"^": [kind, …]}`, members of it under `#`. */
type Dump = null | string | number | boolean | readonly Dump[] | { readonly [key: string]: Dump };

const isMap = (dump: Dump | undefined): dump is { readonly [key: string]: Dump } =>
  typeof dump === "object" && dump !== null && !Array.isArray(dump);

/** `["call", {functor, args}]` of a node. */
function nodeOf(dump: Dump | undefined): readonly [string, readonly Dump[]] | null {
  const node = isMap(dump) ? dump["^"] : undefined;
  return Array.isArray(node) ? [String(node[0]), node.slice(1) as Dump[]] : null;
}

function membersOf(dump: Dump | undefined): Readonly<Record<string, Dump>> {
  const list = isMap(dump) ? dump["#"] : undefined;
  if (!Array.isArray(list)) return {};
  return Object.fromEntries(Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i], list[2 * i + 1]]));
}

function textOf(dump: Dump | undefined): string {
  return typeof dump === "string" ? dump : "";
}

/** The secrets that a tree of Puppet's own names, in its words. */
function namedIn(dump: Dump): string[] {
  const node = nodeOf(dump);
  const inner = Array.isArray(dump) ? dump.flatMap(namedIn) : isMap(dump) ? Object.values(dump).flatMap(namedIn) : [];
  if (node === null || !node[0].startsWith("call")) return inner;
  const { functor, args } = membersOf(node[1][0]);
  const [kind, parts] = nodeOf(functor) ?? ["", []];
  const list = Array.isArray(args) ? (args as readonly Dump[]) : [];
  const name = kind === "." ? nodeOf(parts[1])?.[1][0] : parts[0];
  if (name === "lab::secret" || name === "::lab::secret") return [...inner, textOf(kind === "." ? parts[0] : list[0])];
  const receiver = kind === "." ? nodeOf(parts[0])?.[1][0] : null;
  if ((name === "Deferred" || (name === "new" && receiver === "Deferred")) && list[0] === "lab::secret") {
    return [...inner, textOf(nodeOf(list[1])?.[1][0])];
  }
  const key = textOf(list[0]);
  if (name === "lookup" && key.startsWith("lab::secret::")) return [...inner, key.slice("lab::secret::".length)];
  return inner;
}

describe("the code that tests are made of", () => {
  it(`is Puppet, and names to its own parser what it names to us${reason}`, ({ skip }) => {
    if (isMissing) skip();
    // What an inline template says is text to the parser, and to us code.
    const samples = [...NAMES_ONE, ...NAMES_NONE].filter(([, body]) => !body.includes("inline_epp"));
    const text = samples.map(([, body], i) => `class sample_${i} {\n${body}\n}\n`).join("");
    const directory = mkdtempSync(join(tmpdir(), "lab-puppet-"));
    try {
      const file = join(directory, "init.pp");
      writeFileSync(file, text);
      const argv = ["parser", "dump", "--format", "json", "--validate", file];
      const { stdout, stderr, status } = spawnSync("puppet", argv, { encoding: "utf8" });
      expect([status, stderr]).toEqual([0, ""]);
      const theirs = new Map<string, string[]>();
      const walk = (dump: Dump): void => {
        const node = nodeOf(dump);
        const { name, body } = node?.[0] === "class" ? membersOf(node[1][0]) : {};
        if (typeof name === "string") theirs.set(name, namedIn(body ?? null));
        else for (const part of Array.isArray(dump) ? dump : isMap(dump) ? Object.values(dump) : []) walk(part);
      };
      walk(JSON.parse(stdout) as Dump);
      const { units, unresolved } = scanManifest("init.pp", text);
      const ours = new Map(units.map(({ name, secrets }) => [name, secrets.map(({ path }) => path)]));
      expect(unresolved).toEqual([]);
      expect(theirs.size).toBe(samples.length);
      for (const [i, [what]] of samples.entries()) {
        expect([what, ours.get(`sample_${i}`)]).toEqual([what, theirs.get(`sample_${i}`)]);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }, 60_000);
});
