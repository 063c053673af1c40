import type { CommandContext } from "../command.ts";
import { scanModules, tellUnread } from "../declarations/puppet-modules.ts";
import { renderTable } from "../render/table.ts";
import { NOTHING } from "../render/text.ts";

/** `lab puppet scan DIR`: which secrets the code of Puppet classes names. Asks nobody and writes nothing. */
export async function run(ctx: CommandContext): Promise<number> {
  const { files, scan } = scanModules(ctx.args.one("DIR"), ctx.io.cwd, "lab puppet scan DIR");
  if (ctx.globals.format.name === "json") {
    ctx.print(`${JSON.stringify({ kind: "PuppetScan", item: { ...scan, files } }, null, 2)}\n`);
    return 0;
  }
  const rows = scan.classes.flatMap(({ name, references }) =>
    references.map(({ path, via, file, line }) => [name, path, `${file}:${line}`, via ?? NOTHING]),
  );
  const headers = ["CLASS", "SECRET", "PLACE", "VIA"];
  if (rows.length > 0) ctx.print(`${renderTable(headers, rows, { headers: true }).join("\n")}\n`);
  else ctx.note(`no class in ${files} ${files === 1 ? "file" : "files"} names a secret`);
  tellUnread(ctx, scan);
  return 0;
}
