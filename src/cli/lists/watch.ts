import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { fetchList, type ListRequest } from "./list-request.ts";
import { printList } from "../render/document.ts";

/**
 * Follows a list: at a terminal the table is drawn again, else every difference is a line of JSON. It asks anew after
 * each change of the view or of a peer, so that what it shows is what `lab get` would show.
 */
export async function watchList<T>(
  ctx: CommandContext,
  connection: Connection,
  request: ListRequest<T>,
): Promise<number> {
  const redraws = ctx.io.columns !== undefined && ctx.globals.format.name !== "json";
  const show = redraws ? redraw(ctx, request) : differences(ctx, request);
  // The stream is opened first, so that no change falls between the first list and the first event.
  const events = connection.stream("/v1/events")[Symbol.asyncIterator]();
  let next = events.next();
  await show(await fetchList(connection, request));
  for (;;) {
    const { done, value } = await next;
    if (done) return 0;
    next = events.next();
    if (value.event === "view" || value.event === "peer" || value.event === "alarm")
      await show(await fetchList(connection, request));
  }
}

function redraw<T>(ctx: CommandContext, { view }: ListRequest<T>): (document: ListDocument<T>) => Promise<void> {
  return async (document) => {
    ctx.print("\u001b[H\u001b[2J");
    await printList(ctx, document, view);
  };
}

function differences<T>(ctx: CommandContext, { view }: ListRequest<T>): (document: ListDocument<T>) => Promise<void> {
  const line = (type: string, item?: T) => ctx.print(`${JSON.stringify({ type, item })}\n`);
  let before: Map<string, { readonly item: T; readonly text: string }> | undefined;
  return ({ items }) => {
    const after = new Map(items.map((item) => [view.name(item), { item, text: JSON.stringify(item) }]));
    for (const [name, { item, text }] of after) {
      const earlier = before?.get(name);
      if (!earlier) line("added", item);
      else if (earlier.text !== text) line("changed", item);
    }
    for (const [name, { item }] of before ?? []) if (!after.has(name)) line("removed", item);
    if (!before) line("synced");
    before = after;
    return Promise.resolve();
  };
}
