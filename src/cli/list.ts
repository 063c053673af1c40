import type { CommandContext } from "./command.ts";
import { fetchList, type ListRequest } from "./list-request.ts";
import { limitOf, printList } from "./render/document.ts";

/** Runs a `lab get` command, once or with `-w` until it is interrupted. */
export async function runList<T>(ctx: CommandContext, request: ListRequest<T>): Promise<number> {
  // Before anything is asked, so that a wrong number is told at once.
  limitOf(ctx);
  if (ctx.flags.on("watch")) {
    const { watchList } = await import("./watch.ts");
    return watchList(ctx, await ctx.connect("agent"), request);
  }
  const connection = await ctx.connect();
  await printList(ctx, await fetchList(connection, request), request.view);
  return 0;
}
