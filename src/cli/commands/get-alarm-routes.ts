import { printDuration } from "../../core/duration.ts";
import type { AlarmRoute } from "../../operations/kinds/alarm.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<AlarmRoute> = {
  columns: [
    { header: "ROUTE", cell: ({ name }) => name },
    { header: "BY", cell: ({ channel }) => channel ?? NOTHING },
    { header: "TO", cell: ({ to }) => to },
    { header: "KINDS", cell: ({ kinds }) => (kinds.length === 0 ? "all" : kinds) },
    { header: "FROM SEVERITY", cell: ({ severity }) => severity },
    {
      header: "AGAIN",
      cell: ({ repeatEverySeconds }) => (repeatEverySeconds === null ? NOTHING : printDuration(repeatEverySeconds)),
    },
    { header: "CAN DELIVER", cell: ({ servers }) => (servers.length === 0 ? "✗ nobody" : String(servers.length)) },
    { header: "SERVERS", wide: true, cell: ({ servers }) => servers.join(",") },
  ],
  name: ({ name }) => name,
  empty: { text: "no routes: alarms are told nobody", hint: "lab explain alarm-route" },
  declares: "alarm-route",
};

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly AlarmRoute[]) => onlyNamed("alarm-route", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/alarm-routes", view: VIEW, narrow });
}
