import { createHash } from "node:crypto";
import { type PuppetScan, scanPuppet } from "../../core/puppet/scan.ts";
import type { CommandContext } from "../command.ts";
import { readPuppetFiles } from "../puppet-files.ts";
import { renderTable } from "../render/table.ts";
import { NOTHING } from "../render/text.ts";

/** `lab puppet scan DIR`: which secrets the code of Puppet classes names. Asks nobody and writes nothing. */
export async function run(ctx: CommandContext): Promise<number> {
  const files = readPuppetFiles(ctx.args.one("DIR"), ctx.io.cwd);
  const scan = scanPuppet(files, { hash: (bytes) => createHash("sha256").update(bytes).digest() });
  if (ctx.globals.format.name === "json") {
    ctx.print(`${JSON.stringify({ kind: "PuppetScan", item: { ...scan, files: files.length } }, null, 2)}\n`);
    return 0;
  }
  const rows = scan.classes.flatMap(({ name, references }) =>
    references.map(({ path, via, file, line }) => [name, path, `${file}:${line}`, via ?? NOTHING]),
  );
  const headers = ["CLASS", "SECRET", "PLACE", "VIA"];
  if (rows.length > 0) ctx.print(`${renderTable(headers, rows, { headers: true }).join("\n")}\n`);
  else ctx.note(`no class in ${files.length} ${files.length === 1 ? "file" : "files"} names a secret`);
  tell(ctx, scan);
  return 0;
}

/** What is not in the table: a reader must not take it for the whole. */
function tell(ctx: CommandContext, { unresolved, absent }: PuppetScan): void {
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
