import type { Token } from "../../operations/kinds/token.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { clockTime, NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Token> = {
  columns: [
    { header: "ID", cell: ({ id }) => id },
    { header: "NAME", cell: ({ name }) => name ?? NOTHING },
    { header: "LABELS", cell: ({ labels }) => (labels.length === 0 ? NOTHING : labels) },
    { header: "ISSUER", cell: ({ issuer }) => issuer },
    { header: "EXPIRES", cell: ({ expires }) => clockTime(expires), exact: ({ expires }) => expires },
    { header: "STATUS", cell: ({ status }) => status ?? NOTHING },
  ],
  name: ({ id }) => id,
  empty: { text: "no tokens yet", hint: "lab token create --name web-1" },
};

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Token[]) => onlyNamed("token", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/tokens", view: VIEW, narrow });
}
