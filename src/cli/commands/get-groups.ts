import type { Group } from "../../operations/kinds/group.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { ruleText } from "../render/rule.ts";
import { NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Group> = {
  columns: [
    { header: "GROUP", cell: ({ name }) => name },
    { header: "SERVERS", cell: ({ servers }) => String(servers.length) },
    { header: "EXCLUDED", cell: ({ excluded }) => String(excluded.length) },
    { header: "SUBGROUPS", cell: ({ groups }) => (groups.length === 0 ? NOTHING : groups) },
    { header: "MATCH", cell: ({ match }) => ruleText(match) || NOTHING },
    { header: "MEMBERS", wide: true, cell: ({ servers }) => servers.join(",") || NOTHING },
    { header: "NAMED", wide: true, cell: ({ named }) => named.join(",") || NOTHING },
    { header: "EXCLUDE", wide: true, cell: ({ exclude }) => ruleText(exclude) || NOTHING },
  ],
  name: ({ name }) => name,
  empty: { text: "no groups yet", hint: "groups: { production: { match: { environment: prod } } } for lab apply -f" },
  declares: "group",
};

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Group[]) => onlyNamed("group", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/groups", view: VIEW, narrow });
}
