import type { CommandContext } from "../command.ts";
import { fetchList, type ListRequest } from "./list-request.ts";
import { arrange, limitOf, noteFreshness, printList } from "../render/document.ts";
import { LabError } from "../../core/errors.ts";

/** Runs a `lab get` command, once or with `-w` until it is interrupted. */
export async function runList<T>(ctx: CommandContext, request: ListRequest<T>): Promise<number> {
  // Before anything is asked, so that a wrong number is told at once.
  limitOf(ctx);
  if (ctx.flags.on("watch")) {
    const { watchList } = await import("./watch.ts");
    return watchList(ctx, await ctx.connect("agent"), request);
  }
  const connection = await ctx.connect();
  const document = await fetchList(connection, request);
  const { declares, name } = request.view;
  if (ctx.globals.format.name === "yaml" && declares !== undefined) {
    const { printDeclared } = await import("../declarations/declared-yaml.ts");
    const { meta } = await printDeclared(ctx, connection, declares, arrange(ctx, document.items).map(name));
    noteFreshness(ctx, meta);
    return 0;
  }
  if (ctx.flags.on("shorthand")) throw new LabError("Usage", "--shorthand goes with -o yaml", { field: "shorthand" });
  await printList(ctx, document, request.view);
  return 0;
}
