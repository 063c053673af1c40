import type { Secret } from "../../operations/kinds/secret.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Secret> = {
  columns: [
    { header: "SECRET", cell: ({ path }) => path },
    { header: "TYPE", cell: ({ type }) => type },
    { header: "USED BY", cell: ({ usedBy }) => usedBy.map(printUse).join(", ") || NOTHING },
    { header: "LAST ROTATED", cell: ({ lastRotated }) => lastRotated?.slice(0, 10) ?? NOTHING },
    { header: "CLASS", wide: true, cell: ({ class: kind }) => kind },
    { header: "SET BY", wide: true, cell: ({ setBy }) => setBy ?? NOTHING },
    { header: "STATUS", wide: true, cell: ({ status }) => status },
  ],
  name: ({ path }) => path,
  empty: { text: "no secrets yet", hint: "lab secret set web/tls --from-file tls.pem" },
  declares: "secret",
};

function printUse({ label, servers }: Secret["usedBy"][number]): string {
  return label === "*" ? "* (all enrolled)" : `${label} (${servers} srv)`;
}

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Secret[]) => onlyNamed("secret", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/secrets", view: VIEW, narrow });
}
