import { renameSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import { requireSecretPath } from "../../core/names.ts";
import type { CachedSecret } from "../../operations/kinds/cached-secret.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { connectSecrets, fetchValue } from "../connection/secrets-connection.ts";
import { EXPORT_FORMATS, type ExportedSecret, exportText, isExportFormat } from "../secret-formats.ts";

/** `lab secret export --format F [--out FILE]`: values in a form that something else reads. */
export async function run(ctx: CommandContext): Promise<number> {
  const format = ctx.flags.value("format") ?? "";
  if (!isExportFormat(format)) {
    throw new LabError("Usage", `--format cannot be "${format}"`, { field: "format", hint: EXPORT_FORMATS.join(", ") });
  }
  const wanted = ctx.flags.values("path").map((path) => requireSecretPath(path, "path"));
  const connection = await connectSecrets(ctx);
  const secrets: ExportedSecret[] = [];
  try {
    for (const path of wanted.length > 0 ? new Set(wanted) : await allPaths(connection)) {
      secrets.push({ path, value: await fetchValue(connection, path) });
    }
    write(ctx, exportText(format, secrets));
    return 0;
  } finally {
    for (const { value } of secrets) value.fill(0);
    await connection.close();
  }
}

async function allPaths(connection: Connection): Promise<string[]> {
  const { items } = (await connection.call("GET", "/v1/secret-cache")) as ListDocument<CachedSecret>;
  return items.filter(({ status }) => status !== "withheld").map(({ path }) => path);
}

/** To a file of its owner alone, whole or not at all. */
function write(ctx: CommandContext, text: string): void {
  const out = ctx.flags.value("out");
  if (out === undefined) return ctx.print(text);
  const file = resolve(ctx.io.cwd, out);
  const unfinished = `${file}.${process.pid}.new`;
  try {
    writeFileSync(unfinished, text, { mode: 0o600, flag: "wx" });
    renameSync(unfinished, file);
  } catch (cause) {
    rmSync(unfinished, { force: true });
    const { code } = cause as NodeJS.ErrnoException;
    throw new LabError("Failed", `${file} cannot be written: ${code}`, { field: "out" }, { cause });
  }
  ctx.note(`${out} holds the values in the clear, and nothing rotates or removes it`);
}
