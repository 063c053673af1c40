import type { Backup } from "../../operations/kinds/backup.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { ago, byteCount } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Backup> = {
  columns: [
    { header: "PLACE", cell: ({ place }) => place },
    { header: "NUMBER", cell: ({ number }) => String(number) },
    { header: "MADE", cell: ({ madeAt }, nowMs) => ago(madeAt, nowMs), exact: ({ madeAt }) => madeAt },
    { header: "BY", cell: ({ by }) => by },
    { header: "ENTRIES", cell: ({ entries }) => String(entries) },
    { header: "SECRETS", cell: ({ secrets }) => String(secrets) },
    { header: "SIZE", cell: ({ bytes }) => byteCount(bytes), exact: ({ bytes }) => String(bytes) },
  ],
  name: ({ place }) => place,
  empty: { text: "no backups yet", hint: "lab backup create dir:PATH" },
};

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Backup[]) => onlyNamed("backup", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/backups", view: VIEW, narrow });
}
