import { createHash } from "node:crypto";
import { type PuppetScan, scanPuppet } from "../../core/puppet/scan.ts";
import type { CommandContext } from "../command.ts";
import { readPuppetFiles } from "./puppet-files.ts";

/** Reads a tree of modules and finds which secrets its classes name. `usage` is said where there is no such tree. */
export function scanModules(
  dir: string,
  cwd: string,
  usage: string,
): { readonly files: number; readonly scan: PuppetScan } {
  const files = readPuppetFiles(dir, cwd, usage);
  const scan = scanPuppet(files, { hash: (bytes) => createHash("sha256").update(bytes).digest() });
  return { files: files.length, scan };
}

/** What a scan could not tell: a reader must not take what it found for the whole. */
export function tellUnread(ctx: CommandContext, { unresolved, absent }: PuppetScan): void {
  if (unresolved.length > 0) {
    const places = `${unresolved.length} ${unresolved.length === 1 ? "place" : "places"}`;
    ctx.warn(`${places} where the code alone does not tell:`);
    for (const { file, line, text, why } of unresolved) {
      ctx.note(`  ${file}:${line}  ${text}`);
      ctx.note(`    ${why}`);
    }
    ctx.note("hint: declare what such code needs at the label: secrets: [PATH]");
  }
  if (absent.length > 0) ctx.note(`not in this tree, so that nobody knows what they need: ${absent.join(", ")}`);
}
