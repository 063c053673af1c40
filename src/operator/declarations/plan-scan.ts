import { equalJson, type Json } from "../../core/json.ts";
import { type ClassScan, readClassScan, type SecretReference, writeClassScan } from "../../core/model/scan.ts";
import { scanPath } from "../../core/paths.ts";
import type { PuppetScan } from "../../core/puppet/scan.ts";
import type { DeclarationPlan } from "./plan-record.ts";
import type { DeclarationState } from "./state.ts";

/** Which secrets the classes of a tree of modules name, and of which tree. */
export type ScannedModules = Pick<PuppetScan, "tree" | "classes">;

/**
 * What a scan says and desired state does not yet. The tree is the whole truth of its owner: a class that bears the mark
 * and names no secret there any more loses what it had, because its code no longer asks for it. Only the hash of the
 * tree differs: no change, so that work elsewhere in the code signs nothing anew.
 */
export function planScan(
  plan: DeclarationPlan,
  { tree, classes }: ScannedModules,
  state: DeclarationState,
  owner: string | null,
): void {
  const known = new Map(scansIn(state).map((scan) => [scan.name, scan]));
  for (const { name, references } of classes) {
    const before = known.get(name);
    if (before !== undefined && sameReferences(before.references, references)) continue;
    const rest = before?.rest ?? {};
    plan.writes.push({ path: scanPath(name), value: writeClassScan({ references, tree, managedBy: owner, rest }) });
    const [from, to] = [before === undefined ? null : pathsOf(before), pathsOf({ references })];
    if (from === null) {
      plan.changes.push({ action: "create", kind: "class", name, field: null, from, to: { secrets: to }, why: null });
    } else if (equalJson(from, to)) {
      const [was, is] = [placesOf(before as ClassScan), placesOf({ references })];
      plan.changes.push({ action: "update", kind: "class", name, field: "places", from: was, to: is, why: null });
    } else {
      plan.changes.push({ action: "update", kind: "class", name, field: "secrets", from, to, why: null });
    }
  }
  const scanned = new Set(classes.map(({ name }) => name));
  for (const before of known.values()) {
    if (scanned.has(before.name) || before.managedBy !== owner) continue;
    const why = "its code names no secret any more";
    const from = { secrets: pathsOf(before) };
    plan.changes.push({ action: "delete", kind: "class", name: before.name, field: null, from, to: null, why });
    plan.writes.push({ path: scanPath(before.name), value: undefined });
  }
}

/** The classes whose scans stand there, by name. */
export function scansIn({ records }: DeclarationState): ClassScan[] {
  const prefix = scanPath("");
  const paths = Object.keys(records).filter((path) => path.startsWith(prefix));
  return paths.sort().map((path) => readClassScan(path.slice(prefix.length), records[path] as Json, []));
}

type References = { readonly references: readonly SecretReference[] };

function sameReferences(a: readonly SecretReference[], b: readonly SecretReference[]): boolean {
  return equalJson(a as unknown as Json, b as unknown as Json);
}

function pathsOf({ references }: References): string[] {
  return [...new Set(references.map(({ path }) => path))].sort();
}

function placesOf({ references }: References): string[] {
  return [...new Set(references.map(({ file, line }) => `${file}:${line}`))];
}
