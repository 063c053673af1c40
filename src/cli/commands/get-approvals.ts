import type { Approval } from "../../operations/kinds/approval.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { clockTime } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Approval> = {
  columns: [
    { header: "ENTRY", cell: ({ entry }) => entry.slice(0, 12), exact: ({ entry }) => entry },
    { header: "ACT", cell: ({ type }) => type },
    { header: "OBJECT", cell: ({ object }) => object },
    { header: "SIGNED-BY", cell: ({ signedBy }) => signedBy },
    { header: "WAITS-FOR", cell: ({ has, need }) => `${need - has} more` },
    { header: "SINCE", wide: true, cell: ({ time }) => clockTime(time), exact: ({ time }) => time },
  ],
  name: ({ entry }) => entry,
  empty: { text: "nothing waits for a signature" },
};

export function run(ctx: CommandContext): Promise<number> {
  const wanted = ctx.args.all("ENTRY");
  return runList(ctx, {
    path: "/v1/approvals",
    view: VIEW,
    narrow: (items) =>
      wanted.length === 0 ? items : items.filter(({ entry }) => wanted.some((text) => entry.startsWith(text))),
  });
}
