import type { CommandContext } from "./command.ts";
import { findPlace } from "./connection/place.ts";

/**
 * How a command line that is suggested has to begin so that it means the same agent: `lab`, or `lab --home DIR` where
 * nothing else leads to this home. `elsewhere` is another machine, with places of its own.
 */
export function commandPrefix(ctx: CommandContext, where: "here" | "elsewhere", home = ctx.place.home): string {
  if (where === "elsewhere" || home === undefined) return "lab";
  const { context } = ctx.place;
  if (ctx.flags.value("context") !== undefined && context !== undefined) return `lab --context ${context}`;
  const usual = findPlace({ home: undefined, socket: undefined, context: undefined }, ctx.io);
  return usual.home === home ? "lab" : `lab --home ${quoted(home)}`;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
