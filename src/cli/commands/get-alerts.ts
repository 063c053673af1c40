import type { Alert } from "../../operations/kinds/alert.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { ruleText } from "../render/rule.ts";
import { NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Alert> = {
  columns: [
    { header: "ALERT", cell: ({ name }) => name },
    { header: "SEVERITY", cell: ({ severity }) => severity },
    { header: "ORIGIN", cell: ({ origin }) => origin },
    { header: "SERVERS", cell: ({ servers }) => String(servers.length) },
    { header: "CONDITION", cell: ({ condition }) => condition || NOTHING },
    { header: "FOR", wide: true, cell: ({ for: held }) => held },
    {
      header: "TARGET",
      wide: true,
      cell: ({ target, origin }) => ruleText(target) || (origin === "user" ? "*" : NOTHING),
    },
    { header: "EXCLUDED", wide: true, cell: ({ excluded }) => excluded.join(",") || NOTHING },
  ],
  name: ({ name }) => name,
  empty: { text: "no alerts yet", hint: "lab apply -f FILE with alerts, or with labels that list some" },
  declares: "alert",
};

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Alert[]) => onlyNamed("alert", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/alerts", view: VIEW, narrow });
}
