import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { printTree, productionTree } from "../../scripts/production-tree.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const PERMISSIVE =
  /^(MIT|ISC|0BSD|Apache-2[.]0|BSD-[23]-Clause|BlueOak-1[.]0[.]0|Apache-2[.]0 OR MIT|MIT OR Apache-2[.]0)$/;

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}
const manifest = JSON.parse(read("package.json")) as Manifest;
const direct = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });

/** Rows of the tables in docs/dependencies.md: package, what it is for, licence. */
const documented = read("docs/dependencies.md")
  .split("\n")
  .map(
    (line) =>
      /^\| `([^`]+)` \| (.+) \| ([^|]+) \|$/
        .exec(line)
        ?.slice(1)
        .map((cell) => cell.trim()) ?? [],
  )
  .filter((row) => row.length === 3);

describe("dependencies", () => {
  it("gives a reason and a permissive licence for every direct dependency, and for nothing else", () => {
    expect(documented.map(([name = ""]) => name).sort()).toEqual(direct.map(([name]) => name).sort());
    for (const [name, reason, licence] of documented) {
      expect(reason!.length, `${name} needs a reason`).toBeGreaterThan(10);
      expect(licence, `${name} needs a permissive licence`).toMatch(PERMISSIVE);
    }
  });

  it("names exact versions", () => {
    for (const [name, version] of direct) expect(version, name).toMatch(/^\d+[.]\d+[.]\d+$/);
  });

  it("ships exactly the packages of docs/deps.txt (`npm run deps` writes it)", () => {
    expect(printTree(productionTree(root))).toBe(read("docs/deps.txt"));
  });

  it("ships packages with a permissive licence only", () => {
    expect(productionTree(root).filter(({ licence }) => !PERMISSIVE.test(licence))).toEqual([]);
  });

  it("lets three packages run a script when they are installed", () => {
    expect(manifest.allowScripts).toEqual({ "classic-level": true, esbuild: true, node: true });
  });

  it("locks the packages of every platform, because `npm ci` refuses a lock file that leaves one out", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });

  it("names no registry in the lock file", () => {
    expect(read("package-lock.json")).not.toContain('"resolved"');
  });
});
