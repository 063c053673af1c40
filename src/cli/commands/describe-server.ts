import type { ItemDocument } from "../../operations/kinds/meta.ts";
import type { Server } from "../../operations/kinds/server.ts";
import type { CommandContext } from "../command.ts";
import { noteFreshness, printItem } from "../render/document.ts";
import { serverPage, serverView } from "../render/server.ts";

export async function run(ctx: CommandContext): Promise<number> {
  const connection = await ctx.connect();
  const path = `/v1/servers/${encodeURIComponent(ctx.args.one("NAME"))}`;
  const document = (await connection.call("GET", path)) as ItemDocument<Server>;
  if (ctx.globals.format.name === "yaml") {
    const { printDeclared } = await import("../declarations/declared-yaml.ts");
    const { meta } = await printDeclared(ctx, connection, "server", [document.item.name]);
    noteFreshness(ctx, meta);
    return 0;
  }
  await printItem(ctx, document, serverView("shown"), (server) => serverPage(server, ctx.io.now()));
  return 0;
}
