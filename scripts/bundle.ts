// Builds dist/lab.cjs, the small part that every command loads, and beside it the chunks behind each `await import()`.
// docs/decisions/0002-bundle-in-chunks.md has the measurements that ask for chunks.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, transform } from "esbuild";

const ROOT = join(import.meta.dirname, "..");

/** An agent that is running may still load a chunk of the build it was started from. */
const STALE_CHUNK_KEPT_MS = 24 * 3600 * 1000;

const SHARED = {
  platform: "node",
  target: "node24",
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: true,
} as const;

/** For each file in `dist` the sources inside it, by their path from the root of the project. */
export type Contents = Readonly<Record<string, readonly string[]>>;

/** Fills `dist` and says what went where. esbuild splits ES modules only, hence the second pass. */
export async function bundle(dist: string): Promise<Contents> {
  const { outputFiles, metafile } = await build({
    ...SHARED,
    absWorkingDir: ROOT,
    entryPoints: { lab: "src/cli/main.ts" },
    bundle: true,
    splitting: true,
    format: "esm",
    outdir: dist,
    outExtension: { ".js": ".cjs" },
    chunkNames: "[name]-[hash]",
    // A native addon: it looks for its binary beside its own package.
    external: ["classic-level"],
    sourcemap: "inline",
    sourcesContent: false,
    write: false,
    metafile: true,
  });
  mkdirSync(dist, { recursive: true });
  const fresh = new Set<string>();
  // The entry comes last, so that whoever starts meanwhile finds every chunk that it asks for.
  for (const file of outputFiles.sort((a, b) => Number(isEntry(a.path)) - Number(isEntry(b.path)))) {
    const name = basename(file.path);
    // Without `import()` a chunk is loaded by require: no second module loader, no scan of its source for export names.
    const commonJs = { ...SHARED, format: "cjs", supported: { "dynamic-import": false } } as const;
    const { code, map } = await transform(file.text, { ...commonJs, sourcemap: "external", sourcefile: name });
    replaceFile(join(dist, `${name}.map`), map);
    replaceFile(join(dist, name), `${code}//# sourceMappingURL=${name}.map\n`);
    fresh.add(name).add(`${name}.map`);
  }
  removeStaleChunks(dist, fresh);
  return Object.fromEntries(
    Object.entries(metafile.outputs).map(([path, { inputs }]) => [basename(path), Object.keys(inputs)]),
  );
}

function isEntry(path: string): boolean {
  return basename(path) === "lab.cjs";
}

function replaceFile(path: string, text: string): void {
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}

function removeStaleChunks(dist: string, fresh: ReadonlySet<string>): void {
  for (const name of readdirSync(dist).filter((name) => /[.]cjs([.]map)?$/.test(name) && !fresh.has(name))) {
    const path = join(dist, name);
    if (Date.now() - statSync(path).mtimeMs > STALE_CHUNK_KEPT_MS) rmSync(path, { force: true });
  }
}

if (import.meta.main) await bundle(join(ROOT, "dist"));
