import type { From, ServerApplied } from "../../operations/kinds/applied.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { CommandContext } from "../command.ts";
import { whyPage } from "../render/applied.ts";
import { printItem } from "../render/document.ts";

interface Reason {
  readonly what: string;
  readonly kind: string;
  readonly name: string;
  readonly isKeptOut: boolean;
  readonly from: readonly From[];
}

/** `lab why SERVER ITEM`: what a class, an alert, a secret, a port, a group of a server comes from, or who keeps it out. */
export async function run(ctx: CommandContext): Promise<number> {
  const [server, item] = [ctx.args.one("SERVER"), ctx.args.one("ITEM")];
  const connection = await ctx.connect();
  const path = `/v1/applied/servers/${encodeURIComponent(server)}`;
  const document = (await connection.call("GET", path)) as ItemDocument<ServerApplied>;
  const all = reasons(document.item);
  const found = all.filter(({ name }) => name === item);
  if (found.length === 0) {
    const { whyNot } = await import("../why-not.ts");
    throw await whyNot(
      connection,
      document.item,
      item,
      all.map(({ name }) => name),
    );
  }
  const answer = { kind: "Why", meta: document.meta, item: { server, name: item, reasons: found } };
  await printItem(ctx, answer, { name: () => item }, () => whyPage(server, found));
  return 0;
}

function reasons({
  server,
  groupReasons,
  puppetClasses,
  alerts,
  secrets,
  ports,
  excludedFrom,
}: ServerApplied): Reason[] {
  const reason = (kind: string, name: string, from: readonly From[]): Reason => ({
    what: `${kind} ${name}`,
    kind,
    name,
    isKeptOut: false,
    from,
  });
  return [
    ...server.labels.map((name) => reason("label", name, [{ kind: "server", name: server.name }])),
    ...groupReasons.map(({ name, from }) => reason("group", name, from)),
    ...puppetClasses.map(({ name, from }) => reason("class", name, from)),
    ...alerts.map(({ name, from }) => reason("alert", name, from)),
    ...secrets.map(({ path, from }) => reason("secret", path, from)),
    ...ports.map(({ port, from }) => reason("port", String(port), from)),
    ...excludedFrom.map(({ kind, name, by }) => ({ ...reason(kind, name, [by]), isKeptOut: true })),
  ];
}
