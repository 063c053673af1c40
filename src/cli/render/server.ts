import type { Server } from "../../operations/kinds/server.ts";
import { pillarText, pillarWord } from "./pillar.ts";
import { ago, clockTime, NOTHING } from "./text.ts";
import type { Column, View } from "./view.ts";

const LABELS: Column<Server> = { header: "LABELS", cell: ({ labels }) => orNothing(labels) };

const COLUMNS: readonly Column<Server>[] = [
  { header: "NAME", cell: ({ name }) => name },
  { header: "PROVIDER", cell: ({ provider }) => provider ?? NOTHING },
  LABELS,
  { header: "SIZE", cell: ({ size }) => size ?? NOTHING },
  { header: "SYNC", cell: ({ sync }) => pillarText(sync), exact: ({ sync }) => pillarWord(sync) },
  { header: "PUPPET", cell: ({ puppet }) => pillarText(puppet), exact: ({ puppet }) => pillarWord(puppet) },
  { header: "HEALTH", cell: ({ health }) => pillarText(health), exact: ({ health }) => pillarWord(health) },
  { header: "IDENTITY", cell: ({ identity }) => pillarText(identity), exact: ({ identity }) => pillarWord(identity) },
  { header: "ENVIRONMENT", wide: true, cell: ({ environment }) => environment ?? NOTHING },
  { header: "REGION", wide: true, cell: ({ region }) => region ?? NOTHING },
  { header: "ROLES", wide: true, cell: ({ roles }) => orNothing(roles) },
  { header: "ONLINE", wide: true, cell: ({ online }) => online },
  {
    header: "LAST-SEEN",
    wide: true,
    cell: ({ lastSeen }, nowMs) => (lastSeen ? ago(lastSeen, nowMs) : NOTHING),
    exact: ({ lastSeen }) => lastSeen,
  },
  { header: "ADDRESSES", wide: true, cell: ({ addresses }) => orNothing(addresses) },
];

/** The table of servers. Whoever asked for a label knows it: then the column of labels goes. */
export function serverView(labels: "shown" | "asked for", asked: "all" | "some" = "all"): View<Server> {
  return {
    columns: labels === "shown" ? COLUMNS : COLUMNS.filter((column) => column !== LABELS),
    name: ({ name }) => name,
    empty:
      asked === "some"
        ? { text: "no server matches" }
        : { text: "no servers yet", hint: "lab token create --name web-1, then lab join TOKEN on that machine" },
    declares: "server",
  };
}

/** The page of `lab describe server`. What has no source yet is `–`. */
export function serverPage(server: Server, nowMs: number): string[] {
  const list = (values: readonly string[]) => (values.length === 0 ? NOTHING : `[${values.join(", ")}]`);
  const seen = server.lastSeen ? ` (last seen ${ago(server.lastSeen, nowMs)})` : "";
  const enrolled = server.enrolled ? ` (since ${clockTime(server.enrolled)})` : "";
  return [
    ...fields(0, {
      Name: server.name,
      Id: server.id ?? NOTHING,
      Provider: server.provider ?? NOTHING,
      Labels: list(server.labels),
      Groups: list(server.groups),
      Environment: server.environment ?? NOTHING,
      Region: server.region ?? NOTHING,
      Size: server.size ?? NOTHING,
      Roles: list(server.roles),
      Addresses: list(server.addresses),
      Online: server.online + seen,
      Identity: pillarText(server.identity) + enrolled,
      Status: server.sync.state === "drift" ? "DRIFT DETECTED" : pillarText(server.sync),
      Puppet: pillarText(server.puppet),
    }),
    ...fields(2, { Environment: NOTHING, Role: NOTHING, Classes: NOTHING, "Last run": NOTHING, "Next run": NOTHING }),
    ...fields(0, { Health: pillarText(server.health) }),
    ...fields(2, { Prometheus: NOTHING, Naemon: NOTHING, Alerts: NOTHING }),
  ];
}

function fields(indent: number, values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(
    ([name, value]) => `${" ".repeat(indent)}${`${name}:`.padEnd(15 - indent)}${value}`,
  );
}

function orNothing(list: readonly string[]): readonly string[] | string {
  return list.length === 0 ? NOTHING : list;
}
