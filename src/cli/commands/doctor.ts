import { LabError } from "../../core/errors.ts";
import type { Check } from "../../operations/kinds/check.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { CommandContext } from "../command.ts";
import { checkHome } from "../node-door.ts";
import { printList } from "../render/document.ts";
import { paint } from "../render/paint.ts";
import { printable, wrap } from "../render/text.ts";
import type { View } from "../render/view.ts";

const MARKS: Readonly<Record<Check["state"], string>> = { ok: "✓", warning: "⚠", failed: "✗", unknown: "?" };

const VIEW: View<Check> = {
  columns: [
    { header: "NAME", cell: ({ name }) => name },
    { header: "STATE", cell: ({ state }) => state },
    { header: "DETAIL", cell: ({ detail }) => detail },
    { header: "FIX", cell: ({ fix }) => fix },
  ],
  name: ({ name }) => name,
  empty: { text: "nothing was checked" },
};

/** Ends with 1 when something failed. Without an agent it checks what a home alone can tell, and says what it cannot. */
export async function run(ctx: CommandContext): Promise<number> {
  const document = await examine(ctx);
  const { name } = ctx.globals.format;
  if (name === "table" && ctx.flags.value("sort-by") === undefined) {
    const lines = page(document, ctx.io.columns ?? 80);
    ctx.print(lines.map((line) => `${paint(printable(line), ctx.io.color)}\n`).join(""));
  } else await printList(ctx, document, VIEW);
  return document.items.some(({ state }) => state === "failed") ? 1 : 0;
}

async function examine(ctx: CommandContext): Promise<ListDocument<Check>> {
  const { home } = ctx.place;
  try {
    const connection = await ctx.connect("agent");
    return (await connection.call("POST", "/v1/checks", { body: {} })) as ListDocument<Check>;
  } catch (error) {
    const isIdle = error instanceof LabError && error.code === "NoAgent" && ctx.globals.peer === undefined;
    if (!isIdle || home === undefined) throw error;
    return checkHome(home, ctx.io.now());
  }
}

/** Under each other, so that every fix can be read and copied. */
function page({ meta, items }: ListDocument<Check>, columns: number): string[] {
  const lines = items.flatMap(({ name, state, detail, fix }) => [
    ...hanging(`${MARKS[state]} ${name}: ${detail}`, 0, columns),
    ...(fix === "" ? [] : hanging(`fix: ${fix}`, 2, columns)),
  ]);
  const count = (wanted: Check["state"]) => items.filter(({ state }) => state === wanted).length;
  const [failed, warned, unknown] = [count("failed"), count("warning"), count("unknown")];
  const verdict = [
    `${items.length} checks of ${meta.peer}`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(warned > 0 ? [`${warned} with a warning`] : []),
    ...(unknown > 0 ? [`${unknown} could not be done`] : []),
    ...(failed + warned + unknown === 0 ? ["all is well"] : []),
  ];
  return [...lines, "", verdict.join(", ")];
}

/** The first line begins at `indent`, those below it two columns further in. */
function hanging(text: string, indent: number, columns: number): string[] {
  return wrap(text, columns, " ".repeat(indent + 2)).map((line, i) => (i === 0 ? line.slice(2) : line));
}
