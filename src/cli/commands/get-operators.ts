import type { Operator } from "../../operations/kinds/operator.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Operator> = {
  columns: [
    { header: "NAME", cell: ({ name }) => name },
    { header: "RANK", cell: ({ rank }) => String(rank) },
    { header: "RIGHTS", cell: ({ rights }) => rights.join(",") || NOTHING },
    { header: "DEVICE", cell: ({ device }) => device ?? NOTHING },
    { header: "NEEDS", wide: true, cell: ({ need }) => needText(need) },
    { header: "SCOPE", wide: true, cell: ({ scope }) => scope },
    { header: "STATE", cell: ({ state }) => (state === "live" ? "✓ live" : "✗ cut") },
    { header: "LOG", cell: ({ id }) => id.slice(0, 12) },
    { header: "KEY", wide: true, cell: ({ key }) => key },
  ],
  name: ({ name }) => name,
  empty: { text: "no operators" },
};

/** `admin=2`; a dash where one key is enough for everything. */
function needText(need: Operator["need"]): string {
  const more = Object.entries(need ?? {}).filter(([, count]) => typeof count === "number" && count > 1);
  return more.map(([right, count]) => `${right}=${String(count)}`).join(",") || NOTHING;
}

/** A person can have several keys, hence several lines under one name. */
export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Operator[]) => onlyNamed("operator", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/operators", view: VIEW, narrow });
}
