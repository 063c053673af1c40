import type { ExposureDocument } from "../operations/exposure.ts";
import type { CommandContext } from "./command.ts";
import type { Connection } from "./connection/connection.ts";
import { ago, clockTime } from "./render/text.ts";
import { wrapped } from "./render/wrapped.ts";

/** Secrets that are told one by one. */
const MOST_TOLD = 20;

/**
 * Tells what a server has that was just removed, or that is a store no more, or what an operator has who was removed:
 * current secrets, and what to do.
 */
export async function tellExposed(
  ctx: CommandContext,
  connection: Connection,
  name: string,
  kind: "server" | "operator" = "server",
): Promise<void> {
  const { items, incomplete } = (await connection.call("GET", "/v1/exposures")) as ExposureDocument;
  const had = items.filter(({ holders }) =>
    holders.some((holder) => holder.name === name && (holder.as === "operator") === (kind === "operator")),
  );
  if (had.length === 0) ctx.note(`no secret that counts now was given to ${name}, as far as is known here`);
  else {
    const made = had.filter(({ type }) => type === "dynamic").length;
    ctx.warn(`${name} had ${had.length} of the secrets that count now; stores make ${made} of them anew at once`);
    const byHand = had.filter(({ type }) => type === "static");
    for (const { path, deadline } of byHand.slice(0, MOST_TOLD)) {
      const until = deadline === null ? "" : ` (until ${clockTime(deadline)})`;
      ctx.note(`  ✗ ${path}: lab secret set ${path}${until}`);
    }
    if (byHand.length > MOST_TOLD) ctx.note(`  … and ${byHand.length - MOST_TOLD} more: lab secret audit`);
  }
  for (const { store, lastHeard } of incomplete) {
    const since = lastHeard === null ? "was never heard" : `was heard ${ago(lastHeard, ctx.io.now())}`;
    for (const line of wrapped(`incomplete: store ${store} ${since}, and may have given more`, 2)) ctx.note(line);
  }
}
