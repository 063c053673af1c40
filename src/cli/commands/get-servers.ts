import type { CommandContext } from "../command.ts";
import { runList } from "../lists/list.ts";
import { serverView } from "../render/server.ts";

export async function run(ctx: CommandContext): Promise<number> {
  const selectors = await selectorsOf(ctx);
  const asked = ctx.globals.format.name === "table" && selectors.asksLabel;
  return runList(ctx, {
    path: "/v1/servers",
    query: {
      selector: selectors.texts,
      names: ctx.args.all("NAME"),
      allowEmpty: ctx.flags.on("allow-empty") || undefined,
    },
    view: serverView(asked ? "asked for" : "shown", selectors.texts.length > 0 ? "some" : "all"),
  });
}

interface Selectors {
  readonly texts: readonly string[];
  /** Whether a term wants a label, so that showing it on every line says nothing. */
  readonly asksLabel: boolean;
}

async function selectorsOf({ flags }: CommandContext): Promise<Selectors> {
  const given = flags.values("selector");
  const excluded = flags.values("exclude");
  const attributes = ["group", "environment", "region", "provider"].flatMap((key) => {
    const value = flags.value(key);
    return value === undefined ? [] : [`${key}=${value}`];
  });
  if (given.length + excluded.length === 0) return { texts: attributes, asksLabel: false };
  const { parseSelector, printTerm } = await import("../../core/selector/term.ts");
  const terms = given.flatMap((text) => parseSelector(text));
  const left = excluded.flatMap((text) => parseSelector(text, "server"));
  const opposites = left.map((term) => printTerm({ ...term, negated: !term.negated }));
  return {
    texts: [...given, ...attributes, ...opposites],
    asksLabel: terms.some(({ key, negated }) => key === "label" && !negated),
  };
}
