import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { bundleRelease } from "./bundle.ts";
import { LATER } from "./later.ts";
import type { Release } from "./release.ts";

const root = join(import.meta.dirname, "../..");

/** One that was, as it was kept: `npm run sim:keep-release -- COMMIT NAME`. */
export async function earlierRelease(name: string): Promise<Release> {
  const kept = readFileSync(join(root, "test/releases", `${name}.mjs.br.txt`), "utf8");
  return load(name, brotliDecompressSync(Buffer.from(kept, "base64")).toString());
}

/** One that may come: these sources, with changes such as a release makes. */
export async function laterRelease(): Promise<Release> {
  const open = new Set(LATER);
  const code = await bundleRelease(root, (path, source) => {
    let changed = source;
    for (const change of LATER) {
      if (change.file !== path) continue;
      if (source.split(change.here).length !== 2) throw new Error(`${path} does not have once: ${change.here}`);
      changed = changed.replace(change.here, () => change.later);
      open.delete(change);
    }
    return changed;
  });
  for (const { file } of open) throw new Error(`${file} is no part of the agent`);
  return load("later", code);
}

async function load(name: string, code: string): Promise<Release> {
  const bound = code
    .replaceAll(/"shared:([^"]+)"/g, (_, path: string) => JSON.stringify(pathToFileURL(join(root, "src", path)).href))
    .replaceAll(/"package:([^"]+)"/g, (_, path: string) => JSON.stringify(import.meta.resolve(path)));
  const url = `data:text/javascript;base64,${Buffer.from(bound).toString("base64")}`;
  return { name, sources: "others", ...((await import(url)) as Omit<Release, "name" | "sources">) };
}
