import type { Alarm } from "../../operations/kinds/alarm.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { ago, clockTime, NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const MARK = { critical: "✗", warning: "⚠", info: "…" } as const;

const VIEW: View<Alarm> = {
  columns: [
    { header: "ID", cell: ({ id }) => id },
    { header: "KIND", cell: ({ kind, severity }) => `${MARK[severity]} ${kind}`, exact: ({ kind }) => kind },
    { header: "ABOUT", cell: ({ about }) => about },
    { header: "SINCE", cell: ({ since }, nowMs) => ago(since, nowMs), exact: ({ since }) => since },
    {
      header: "TOLD",
      cell: ({ delivered }) => (delivered.length === 0 ? NOTHING : delivered.map(({ route }) => route)),
    },
    { header: "SEEN", cell: seenBy },
    { header: "RAISED-BY", wide: true, cell: ({ raisedBy }) => raisedBy ?? NOTHING },
    { header: "DETAIL", wide: true, cell: ({ detail }) => detail },
  ],
  name: ({ id }) => id,
  empty: { text: "✓ no alarms" },
};

function seenBy({ acknowledged, silenced }: Alarm): string {
  if (acknowledged !== null) return `by ${acknowledged.by}`;
  return silenced === null ? NOTHING : `silent until ${clockTime(silenced.until)}`;
}

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Alarm[]) => onlyNamed("alarm", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/alarms", view: VIEW, narrow });
}
