import type { Peer } from "../../operations/kinds/peer.ts";
import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { onlyNamed } from "../lists/named.ts";
import { ago, NOTHING } from "../render/text.ts";
import type { View } from "../render/view.ts";

const VIEW: View<Peer> = {
  columns: [
    { header: "NAME", cell: ({ name }) => name },
    { header: "ONLINE", cell: ({ online }) => online },
    {
      header: "RTT",
      cell: ({ rttMs }) => (rttMs === null ? NOTHING : `${Math.round(rttMs * 10) / 10} ms`),
      exact: ({ rttMs }) => String(rttMs ?? ""),
    },
    { header: "CONNECTED", cell: ({ connected }) => connected },
    { header: "ROLES", cell: ({ roles }) => (roles.length === 0 ? NOTHING : roles) },
    {
      header: "LAST-HEARD",
      cell: ({ lastHeard }, nowMs) => (lastHeard ? ago(lastHeard, nowMs) : NOTHING),
      exact: ({ lastHeard }) => lastHeard,
    },
    { header: "MISSING", cell: ({ missingEntries }) => String(missingEntries ?? NOTHING) },
    { header: "VERDICT", wide: true, cell: ({ verdict }) => verdict ?? NOTHING },
    {
      header: "SINCE",
      wide: true,
      cell: ({ verdictSince }, nowMs) => (verdictSince ? ago(verdictSince, nowMs) : NOTHING),
      exact: ({ verdictSince }) => verdictSince ?? null,
    },
    { header: "ID", wide: true, cell: ({ id }) => id },
  ],
  name: ({ name }) => name,
  empty: { text: "no other peers yet", hint: "lab token create --name web-1" },
};

export function run(ctx: CommandContext): Promise<number> {
  const names = ctx.args.all("NAME");
  const narrow = (items: readonly Peer[]) => onlyNamed("peer", names, items, VIEW.name);
  return runList(ctx, { path: "/v1/peers", view: VIEW, narrow });
}
