import { ascii, concat, toHex } from "../bytes.ts";
import { encode } from "../encoding.ts";
import type { ClassScan, SecretReference } from "../model/scan.ts";
import type { Keys } from "../ports/keys.ts";
import { SECRET_FUNCTION, scanManifest, scanTemplate } from "./code.ts";
import type { FileScan, Unit, Unresolved, Use } from "./unit.ts";

/** A file of a tree of Puppet modules. */
export interface PuppetFile {
  /** From the directory that is scanned, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** What the code of a tree of modules says about secrets. */
export interface PuppetScan {
  /** Hash of the files, in hex. */
  readonly tree: string;
  /** Classes whose code, or code that they apply, names a secret; by name. */
  readonly classes: readonly Pick<ClassScan, "name" | "references">[];
  /** What nobody can tell without running the code; by place. */
  readonly unresolved: readonly Unresolved[];
  /** Classes that are applied and not in this tree: what their code names is not known. By name. */
  readonly absent: readonly string[];
}

/** What is read; everything else in a tree says nothing about secrets. */
export const PUPPET_EXTENSIONS = [".pp", ".epp", ".erb"] as const;

const TREE = ascii("lab/1/puppet-tree\0");

/** Finds, for every class, the secrets that it needs: its own, and those of the code that it applies. */
export function scanPuppet(files: readonly PuppetFile[], keys: Pick<Keys, "hash">): PuppetScan {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const scans = sorted.map(scanFile);
  const all = scans.flatMap((scan) => scan.units);
  const needing = needingSecrets(all);
  const { units, twice } = byName(all, needing);
  const classes = [...units.values()].filter(({ kind }) => kind === "class").sort(byUnitName);
  const found = classes
    .filter(({ name }) => needing.has(keyOf("class", name)))
    .map((unit) => ({ name: unit.name, references: referencesOf(unit, units) }))
    .filter(({ references }) => references.length > 0);
  // Which class is meant matters only where some class needs a secret, and so with types and templates.
  const matters = new Set([...needing].map((key) => key.split(" ")[0]));
  const unresolved = [...scans.flatMap((scan) => scan.unresolved), ...twice]
    .filter(({ about }) => about === "secret" || matters.has(about))
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  const used = classes.flatMap(({ uses }) => uses.filter(({ kind }) => kind === "class").map(({ name }) => name));
  const absent = [...new Set(used)].filter((name) => !units.has(keyOf("class", name))).sort();
  return { tree: treeHash(sorted, keys), classes: found, unresolved, absent };
}

function scanFile({ path, text }: PuppetFile): FileScan {
  if (path.endsWith(".pp")) return scanManifest(path, text);
  if (path.endsWith(".epp")) return scanTemplate(path, templateName(path), text);
  // Ruby decides what stands in an ERB template.
  const unresolved = text.split("\n").flatMap((line, i): Unresolved[] => {
    if (!line.includes(SECRET_FUNCTION)) return [];
    const why = "a template in Ruby cannot be read: give the secret to it as a variable";
    return [{ about: "secret", file: path, line: i + 1, text: line.trim().slice(0, 80), why }];
  });
  return { units: [], unresolved };
}

/** As `epp()` calls it: `postfix/main.cf.epp` is `modules/postfix/templates/main.cf.epp`. */
function templateName(path: string): string {
  const parts = path.split("/");
  const at = parts.lastIndexOf("templates");
  return at < 1 ? path : [parts[at - 1], ...parts.slice(at + 1)].join("/");
}

/** Units by kind and name. Of those that stand twice none counts, where it matters. */
function byName(
  all: readonly Unit[],
  needing: ReadonlySet<string>,
): { readonly units: ReadonlyMap<string, Unit>; readonly twice: Unresolved[] } {
  const same = new Map<string, Unit[]>();
  for (const unit of all) {
    const key = keyOf(useOf(unit), unit.name);
    const known = same.get(key);
    if (known === undefined) same.set(key, [unit]);
    else known.push(unit);
  }
  const units = new Map<string, Unit>();
  const twice: Unresolved[] = [];
  for (const [key, [first, ...more]] of same) {
    if (first === undefined) continue;
    if (more.length === 0 || !needing.has(key)) {
      units.set(key, first);
      continue;
    }
    // Which of them Puppet would take depends on paths that are not known here.
    const places = [first, ...more].map(({ file, line }) => `${file}:${line}`).join(", ");
    for (const { kind, name, file, line } of [first, ...more]) {
      const why = `it is declared more than once, so that none counts: ${places}`;
      twice.push({ about: "secret", file, line, text: `${kind} ${name}`, why });
    }
  }
  return { units, twice };
}

/** Keys of the units that name a secret, or apply one that does. */
function needingSecrets(units: readonly Unit[]): ReadonlySet<string> {
  const users = new Map<string, string[]>();
  for (const unit of units) {
    const key = keyOf(useOf(unit), unit.name);
    for (const use of unit.uses) {
      const used = keyOf(use.kind, use.name);
      const known = users.get(used);
      if (known === undefined) users.set(used, [key]);
      else known.push(key);
    }
  }
  const needing = new Set(
    units.filter(({ secrets }) => secrets.length > 0).map((unit) => keyOf(useOf(unit), unit.name)),
  );
  // Grows while it is walked.
  for (const key of needing) for (const user of users.get(key) ?? []) needing.add(user);
  return needing;
}

function useOf({ kind }: Unit): Use["kind"] {
  return kind === "class" || kind === "template" ? kind : "called";
}

function keyOf(kind: Use["kind"], name: string): string {
  return `${kind} ${name}`;
}

/** One reference for each path: the nearest in the code, its own before those of others. */
function referencesOf(root: Unit, units: ReadonlyMap<string, Unit>): SecretReference[] {
  const found = new Map<string, SecretReference>();
  // What was reached, and the class, type or function by which: a template has no name that a record could keep.
  const reached = new Map<Unit, string | null>([[root, null]]);
  // Grows while it is walked: first the class itself, then what it applies, then what that applies.
  for (const [unit, via] of reached) {
    for (const { path, text, line } of unit.secrets) {
      if (!found.has(path)) found.set(path, { path, via, text, file: unit.file, line });
    }
    for (const use of unit.uses) {
      const next = units.get(keyOf(use.kind, use.name));
      if (next !== undefined && !reached.has(next)) reached.set(next, next.kind === "template" ? via : next.name);
    }
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function byUnitName(a: Unit, b: Unit): number {
  return a.name < b.name ? -1 : 1;
}

function treeHash(files: readonly PuppetFile[], keys: Pick<Keys, "hash">): string {
  return toHex(keys.hash(concat(TREE, encode(files.map(({ path, text }) => [path, text])))));
}
