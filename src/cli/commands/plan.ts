import type { Outlook } from "../../operator/declarations/apply.ts";
import type { CommandContext } from "../command.ts";
import { printItem } from "../render/document.ts";
import { diffPage, planPage } from "../render/plan.ts";
import { outlookOf, readWishes } from "../declarations/wishes.ts";

const CHANGES_FOUND = 3;

/** `lab plan -f` and `lab diff -f`: what `lab apply` would change, and nothing is changed. Needs no operator's key. */
export async function run(ctx: CommandContext): Promise<number> {
  const wishes = await readWishes(ctx);
  const outlook = await outlookOf(await ctx.connect(), wishes);
  const isDiff = ctx.command.words[0] === "diff";
  const out = isDiff ? undefined : ctx.flags.value("out");
  // With --out the plan itself goes to the file, and what is said about it still to the terminal.
  const said =
    out === undefined ? ctx : { ...ctx, print: (data: string | Uint8Array) => void ctx.io.stdout.write(data) };
  await printItem(said, documentOf(isDiff ? "Diff" : "Plan", outlook), { name: namesOf }, isDiff ? diffPage : planPage);
  if (wishes.declarations !== null) {
    const { everywhereIn } = await import("../../operator/declarations/references.ts");
    for (const hint of everywhereIn(wishes.declarations)) ctx.note(`hint: ${hint}`);
  }
  if (out !== undefined) {
    const { writePlanFile } = await import("../../operator/declarations/saved-plan.ts");
    ctx.print(writePlanFile(wishes, outlook));
    ctx.note(`next: lab apply --plan ${out}`);
  }
  return ctx.flags.on("exit-code") && outlook.plan.changes.length > 0 ? CHANGES_FOUND : 0;
}

export type PlanItem = ReturnType<typeof documentOf>["item"];

function documentOf(kind: "Plan" | "Diff", { plan, state, base }: Outlook) {
  const { changes, pending, unmanaged, left } = plan;
  return { kind, meta: state.meta, item: { changes, base, pending, unmanaged, left } };
}

function namesOf({ changes }: PlanItem): string {
  return [...new Set(changes.map(({ kind, name }) => `${kind}/${name}`))].join("\n");
}
