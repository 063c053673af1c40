import type {
  AlertApplied,
  GroupApplied,
  LabelApplied,
  SecretApplied,
  ServerApplied,
} from "../../operations/kinds/applied.ts";
import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { CommandContext } from "../command.ts";
import { alertPage, groupPage, labelPage, secretPage, serverPage } from "../render/applied.ts";
import { printItem } from "../render/document.ts";

/** `lab show server|label|group|alert|secret`. */
export async function run(ctx: CommandContext): Promise<number> {
  switch (ctx.command.words[1]) {
    case "server":
      return show<ServerApplied>(ctx, "servers", serverPage, ({ server }) => server.name);
    case "label":
      return show<LabelApplied>(ctx, "labels", labelPage, ({ name }) => name);
    case "group":
      return show<GroupApplied>(ctx, "groups", groupPage, ({ name }) => name);
    case "alert":
      return show<AlertApplied>(ctx, "alerts", alertPage, ({ name }) => name);
    case "secret":
      return showSecret(ctx);
    default:
      throw new Error(`no page is called ${ctx.command.words.join(" ")}`);
  }
}

async function show<T>(
  ctx: CommandContext,
  kinds: string,
  page: (item: T) => readonly string[],
  name: (item: T) => string,
): Promise<number> {
  const connection = await ctx.connect();
  const path = `/v1/applied/${kinds}/${encodeURIComponent(ctx.args.one("NAME"))}`;
  await printItem(ctx, (await connection.call("GET", path)) as ItemDocument<T>, { name }, page);
  return 0;
}

async function showSecret(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect();
  const query = { path: ctx.args.one("PATH") };
  const document = (await connection.call("GET", "/v1/applied/secrets", { query })) as ItemDocument<SecretApplied>;
  await printItem(ctx, document, { name: ({ path }) => path }, (secret) => secretPage(secret, ctx.io.now()));
  return 0;
}
