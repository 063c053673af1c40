import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { LabError } from "../../core/errors.ts";
import type { Rendering } from "../../operations/rendering.ts";
import type { CommandContext } from "../command.ts";

/** Names what an earlier run wrote into the directory: only that is removed. */
const MANIFEST = ".lab-rendered";

/** `lab render alerts`. */
export async function run(ctx: CommandContext): Promise<number> {
  const backend = ctx.flags.value("backend");
  if (backend === undefined) {
    const hint = "--backend prometheus, nagios or cloudwatch";
    throw new LabError("Usage", "for which monitoring system?", { field: "backend", hint });
  }
  const connection = await ctx.connect();
  const answer = (await connection.call("GET", `/v1/rendering/alerts/${backend}`)) as { readonly item: Rendering };
  const { files, skipped } = answer.item;
  const out = ctx.flags.value("out");
  if (ctx.globals.format.name === "json") ctx.print(`${JSON.stringify(answer, null, 2)}\n`);
  else if (out === undefined) for (const { path, content } of files) ctx.print(`# ${path}\n${content}\n`);
  else writeFiles(resolve(ctx.io.cwd, out), files);
  for (const { name, reason } of skipped) ctx.warn(`${name} is not rendered: ${reason}`);
  if (out !== undefined) ctx.note(`${files.length} files in ${out}`);
  return 0;
}

function writeFiles(directory: string, files: Rendering["files"]): void {
  const before = readManifest(directory);
  for (const { path, content } of files) {
    const target = within(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    // A monitoring system that reloads meanwhile finds the old file or the new one.
    writeFileSync(`${target}.new`, content);
    renameSync(`${target}.new`, target);
  }
  const now = new Set(files.map(({ path }) => path));
  for (const path of before) if (!now.has(path)) rmSync(within(directory, path), { force: true });
  writeFileSync(join(directory, MANIFEST), `${[...now].sort().join("\n")}\n`);
}

function readManifest(directory: string): string[] {
  try {
    return readFileSync(join(directory, MANIFEST), "utf8").split("\n").filter(Boolean);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new LabError("Failed", `cannot read ${directory}: ${(error as Error).message}`, {}, { cause: error });
  }
}

/** A peer's answer, or a manifest that somebody edited, must not lead out of the directory. */
function within(directory: string, path: string): string {
  const target = resolve(directory, path);
  if (target.startsWith(directory + sep)) return target;
  throw new LabError("PeerFailed", `the answer names a file outside of ${directory}: ${path}`);
}
