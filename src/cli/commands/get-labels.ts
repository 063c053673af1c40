import type { Label } from "../../operations/kinds/label.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Label> = {
  columns: [
    { header: "LABEL", cell: ({ name }) => name },
    { header: "PUPPET CLASSES", cell: ({ puppetClasses }) => puppetClasses.map(className).join(", ") || NOTHING },
    { header: "SERVERS", cell: ({ servers }) => String(servers) },
    { header: "CONTAINERS", cell: ({ containers }) => String(containers ?? NOTHING) },
    { header: "SIZE", wide: true, cell: ({ size }) => size ?? NOTHING },
    { header: "PORTS", wide: true, cell: ({ ports }) => ports.join(",") || NOTHING },
    { header: "ALERTS", wide: true, cell: ({ alerts }) => alerts.join(",") || NOTHING },
    { header: "SECRETS", wide: true, cell: ({ secrets }) => secrets.join(",") || NOTHING },
  ],
  name: ({ name }) => name,
  empty: { text: "no labels yet", hint: "lab label server NODE LABEL, or lab apply -f FILE" },
  declares: "label",
};

function className(one: Label["puppetClasses"][number]): string {
  return typeof one === "string" ? one : one.name;
}

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Label[]) => onlyNamed("label", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/labels", view: VIEW, narrow });
}
