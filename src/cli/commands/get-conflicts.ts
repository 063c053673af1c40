import type { Conflict } from "../../operations/kinds/conflict.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { valueText } from "../render/path.ts";
import { clockTime, NOTHING } from "../render/text.ts";
import { onlyNamed } from "../lists/named.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Conflict> = {
  columns: [
    { header: "PATH", cell: ({ path }) => path },
    { header: "VALUE", cell: ({ winner }) => valueText(winner.value, NOTHING) },
    { header: "BY", cell: ({ winner }) => winner.author },
    { header: "TIME", cell: ({ winner }) => clockTime(winner.time) },
    { header: "INSTEAD OF", cell: ({ losers }) => losers.map(printLoser).join("; ") },
  ],
  name: ({ path }) => path,
  empty: { text: "no conflicts" },
};

function printLoser({ value, author }: Conflict["losers"][number]): string {
  return `${valueText(value, NOTHING)} by ${author}`;
}

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Conflict[]) => onlyNamed("conflict", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/conflicts", view: VIEW, narrow });
}
