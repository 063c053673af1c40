import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
}

interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
}

/** Every package that an installation without development tools gets, sorted, each name and version once. */
export function productionTree(root: string): LockedPackage[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, LockEntry>>;
  };
  const seen = new Map<string, LockedPackage>();
  for (const [path, { version = "", license: licence = "unknown", dev }] of Object.entries(lock.packages)) {
    if (path === "" || dev) continue;
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    seen.set(`${name} ${version}`, { name, version, licence });
  }
  return [...seen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

/** The text of docs/deps.txt. */
export function printTree(tree: readonly LockedPackage[]): string {
  return tree.map(({ name, version, licence }) => `${name} ${version} (${licence})\n`).join("");
}
