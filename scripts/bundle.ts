// Builds dist/lab.cjs, the small part that every command loads, and beside it the chunks behind each `await import()`.
// docs/decisions/0002-bundle-in-chunks.md has the measurements that ask for chunks.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, transform, type BuildOptions } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");

/** An agent that is running may still load a chunk of the build it was started from. */
const STALE_CHUNK_KEPT_MS = 24 * 3600 * 1000;

const SHARED = {
  platform: "node",
  target: "node24",
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: true,
} as const;

/** What is bundled, as a test wants to know it too. esbuild splits ES modules only, hence the second step in `bundle`. */
export const BUILD: BuildOptions = {
  ...SHARED,
  absWorkingDir: ROOT,
  entryPoints: { lab: "src/cli/main.ts" },
  bundle: true,
  splitting: true,
  format: "esm",
  outdir: DIST,
  outExtension: { ".js": ".cjs" },
  chunkNames: "[name]-[hash]",
  // A native addon: it looks for its binary beside its own package.
  external: ["classic-level"],
  sourcemap: "inline",
  sourcesContent: false,
  write: false,
  metafile: true,
};

async function bundle(): Promise<void> {
  const { outputFiles = [] } = await build(BUILD);
  mkdirSync(DIST, { recursive: true });
  const fresh = new Set<string>();
  // The entry comes last, so that whoever starts meanwhile finds every chunk that it asks for.
  for (const file of outputFiles.sort((a, b) => Number(isEntry(a.path)) - Number(isEntry(b.path)))) {
    const name = basename(file.path);
    // Without `import()` a chunk is loaded by require: no second module loader, no scan of its source for export names.
    const commonJs = { ...SHARED, format: "cjs", supported: { "dynamic-import": false } } as const;
    const { code, map } = await transform(file.text, { ...commonJs, sourcemap: "external", sourcefile: name });
    replaceFile(`${name}.map`, map);
    replaceFile(name, `${code}//# sourceMappingURL=${name}.map\n`);
    fresh.add(name).add(`${name}.map`);
  }
  removeStaleChunks(fresh);
}

function isEntry(path: string): boolean {
  return basename(path) === "lab.cjs";
}

function replaceFile(name: string, text: string): void {
  const partial = join(DIST, `.${name}.${process.pid}`);
  writeFileSync(partial, text);
  renameSync(partial, join(DIST, name));
}

function removeStaleChunks(fresh: ReadonlySet<string>): void {
  for (const name of readdirSync(DIST).filter((name) => /[.]cjs([.]map)?$/.test(name) && !fresh.has(name))) {
    const path = join(DIST, name);
    if (Date.now() - statSync(path).mtimeMs > STALE_CHUNK_KEPT_MS) rmSync(path, { force: true });
  }
}

if (import.meta.main) await bundle();
