import type { CommandContext } from "../command.ts";
import { readWishes } from "../declarations/wishes.ts";

/** `lab validate -f`: whether files can be applied, as far as they themselves tell. Asks nobody. */
export async function run(ctx: CommandContext): Promise<number> {
  if (ctx.flags.on("schema")) {
    const { declarationJsonSchema } = await import("../../operations/declarations/json-schema.ts");
    ctx.print(`${JSON.stringify(declarationJsonSchema(), null, 2)}\n`);
    return 0;
  }
  const declarations = (await readWishes(ctx)).declarations ?? new Map();
  const { hintsOf, requireResolved } = await import("../../operator/declarations/references.ts");
  requireResolved(declarations, null);
  const hints = hintsOf(declarations, null);
  const counts = Object.fromEntries([...declarations].map(([kind, things]) => [`${camelCase(kind)}s`, things.size]));
  if (ctx.globals.format.name === "json") {
    ctx.print(`${JSON.stringify({ kind: "Validation", item: { valid: true, counts, hints } }, null, 2)}\n`);
    return 0;
  }
  const told = [...declarations].filter(([, { size }]) => size > 0).map(([kind, { size }]) => counted(size, kind));
  ctx.print(`${told.length === 0 ? "nothing is declared" : `valid: ${told.join(", ")}`}\n`);
  for (const hint of hints) ctx.note(`hint: ${hint}`);
  return 0;
}

function counted(count: number, kind: string): string {
  return `${count} ${kind}${count === 1 ? "" : "s"}`;
}

function camelCase(kind: string): string {
  return kind.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
