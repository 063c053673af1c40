// Builds what `bin/lab` runs: dist/lab.cjs with everything that a read needs, and a chunk for each `await import()` that
// leads to something else. docs/decisions/0002-bundle-in-chunks.md has the measurements.
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type Metafile, transform } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const ENTRY = "lab.cjs";

/**
 * Commands that must feel instant stand in the entry. Node reads through all of a file before it runs any of it, 50 KB in
 * a millisecond, and opening one more file takes a third of a millisecond.
 */
const INSTANT = /^src[/]cli[/](main|commands[/](get-[a-z]+|describe-server|status))[.]ts$/;

/** An agent that is running may still load a chunk of the build it was started from. */
const STALE_CHUNK_KEPT_MS = 24 * 3600 * 1000;

const SHARED = {
  platform: "node",
  target: "node24",
  minifySyntax: true,
  keepNames: true,
} as const;

interface Part {
  /** `lab.cjs`, or of a chunk its name and hash. */
  readonly name: string;
  readonly code: string;
}

/** For each part the sources inside it, by their path from the root of the project. */
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
    write: false,
    metafile: true,
  });
  const parts = await Promise.all(outputFiles.map(({ path, text }) => toCommonJs(basename(path), text)));
  const instant = instantParts(metafile);
  const chunks = parts.filter(({ name }) => !instant.has(name)).map(withLinks);
  // The entry comes last, so that whoever starts meanwhile finds every chunk that it asks for.
  write(dist, [...chunks, link(parts.filter(({ name }) => instant.has(name)))]);
  const inputs = Object.entries(metafile.outputs).map(([path, output]) => [basename(path), Object.keys(output.inputs)]);
  return Object.fromEntries(inputs) as Contents;
}

/** Names of the parts that instant commands are made of: theirs, and whatever those import without waiting. */
function instantParts({ outputs }: Metafile): Set<string> {
  const found = Object.keys(outputs).filter((path) => INSTANT.test(outputs[path]?.entryPoint ?? ""));
  // Grows while it is walked.
  for (const path of found) {
    for (const { path: next, kind } of outputs[path]?.imports ?? []) {
      if (kind === "import-statement" && next in outputs && !found.includes(next)) found.push(next);
    }
  }
  return new Set(found.map((path) => basename(path)));
}

/** Without `import()` a part is loaded by require: no second module loader, no scan of its source for export names. */
async function toCommonJs(name: string, text: string): Promise<Part> {
  const commonJs = { ...SHARED, format: "cjs", supported: { "dynamic-import": false } } as const;
  const { code } = await transform(text, commonJs);
  return { name, code };
}

/** What follows the table in the entry: runs a part when it is first asked for. Other paths are Node's affair. */
const LINKER = `};
const loaded = new Map();
const link = Object.assign((path) => {
  const part = parts[path];
  if (part === undefined) return require(path);
  const known = loaded.get(path);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(path, module);
  part(module, module.exports, link);
  return module.exports;
}, require, { loaded });
module.exports = link;
link("./${ENTRY}");
`;

/** One file of all the parts, each a function in a table. */
function link(parts: readonly Part[]): Part {
  const table = parts.map(({ name, code }) => `"./${name}"(module, exports, require) {\n${code}},\n`);
  return { name: ENTRY, code: `const parts = {\n${table.join("")}${LINKER}` };
}

/** A chunk finds the parts of the entry where they are; each exists once, so that `instanceof` stays true. */
function withLinks({ name, code }: Part): Part {
  return { name, code: `require = require("./${ENTRY}");\n${code}` };
}

function write(dist: string, parts: readonly Part[]): void {
  mkdirSync(dist, { recursive: true });
  for (const { name, code } of parts) replaceFile(join(dist, name), code);
  const fresh = new Set(parts.map(({ name }) => name));
  for (const name of readdirSync(dist).filter((name) => name.endsWith(".cjs") && !fresh.has(name))) {
    const path = join(dist, name);
    if (Date.now() - statSync(path).mtimeMs > STALE_CHUNK_KEPT_MS) rmSync(path, { force: true });
  }
}

function replaceFile(path: string, text: string): void {
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}

if (import.meta.main) await bundle(join(ROOT, "dist"));
