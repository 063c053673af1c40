import type { AuditHead } from "../../core/audit-heads.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { Status } from "../../operations/kinds/status.ts";
import type { ExportHeader } from "../../operator/audit-file.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";

/** `lab audit export`: everything that was signed, one entry a line, for `lab audit verify --file` anywhere. */
export async function run(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect("replica");
  const [{ openPlatform }, { authorityLog, exportLine }] = await Promise.all([
    import("../node-door.ts"),
    import("../../operator/audit-file.ts"),
  ]);
  const { keys } = await openPlatform();
  const { item } = (await connection.call("GET", "/v1/status")) as ItemDocument<Status>;
  const { heads } = (await connection.call("GET", "/v1/audit-heads")) as { readonly heads: readonly AuditHead[] };
  const header: ExportHeader = {
    v: 1,
    kind: "AuditExport",
    mesh: item.mesh,
    meshName: (item as Status & { readonly meshName: string }).meshName,
    exported: new Date(ctx.io.now()).toISOString(),
    heads,
  };
  ctx.print(`${JSON.stringify(header)}\n`);
  const authors = new Map(heads.map(({ log, author }) => [log, author]));
  const counts = new Map<string, number>();
  let entries = 0;
  for await (const text of entriesOf(connection, "", 0)) {
    const log = authorityLog(keys, text);
    const seq = (counts.get(log) ?? 0) + 1;
    counts.set(log, seq);
    const author = authors.get(log) ?? (log === "" ? "root" : log.slice(0, 12));
    ctx.print(`${exportLine(keys, { log, class: 0, author }, text, seq)}\n`);
    entries++;
  }
  for (const head of heads.filter((one) => one.class !== 0)) {
    for await (const text of entriesOf(connection, head.log, head.class)) {
      ctx.print(`${exportLine(keys, head, text, 0)}\n`);
      entries++;
    }
  }
  ctx.note(`${entries} entries of ${heads.length} heads; lab audit verify --file FILE checks them anywhere`);
  return 0;
}

async function* entriesOf(connection: Connection, log: string, chainClass: number): AsyncGenerator<string> {
  for (let after = 0; ; ) {
    const body = { log, class: chainClass, after };
    const answer = (await connection.call("POST", "/v1/audit-entries", { body })) as {
      readonly entries: readonly string[];
      readonly more: boolean;
    };
    yield* answer.entries;
    after += answer.entries.length;
    if (!answer.more || answer.entries.length === 0) return;
  }
}
