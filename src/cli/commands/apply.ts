import { LabError } from "../../core/errors.ts";
import type { CommandContext } from "../command.ts";
import { readDeclarationFiles } from "../declaration-files.ts";
import { printChanges, withSigning } from "../signing.ts";

/** `lab apply -f`: everything is read and checked before anything is asked, and signed as one batch. */
export async function run(ctx: CommandContext): Promise<number> {
  const paths = ctx.flags.values("file");
  if (paths.length === 0)
    throw new LabError("Usage", "apply what?", { field: "file", hint: "lab apply -f FILE|DIR|-" });
  const [files, { readDeclarations }, { declarationSubjects, planDeclarations }] = await Promise.all([
    readDeclarationFiles(paths, ctx.io.cwd, ctx.io.stdin),
    import("../../operator/declarations/read.ts"),
    import("../../operator/declarations/plan.ts"),
  ]);
  const declarations = readDeclarations(files);
  await withSigning(ctx, declarationSubjects(declarations), async ({ session }) => {
    const { context } = session;
    const plan = planDeclarations(declarations, context, ctx.io.now());
    if (plan.changes.length > 0) await session.sign(plan);
    await printChanges(ctx, context, plan.changes);
    notePending(
      ctx,
      [...declarations.servers.keys()].filter((name) => context.servers[name]?.state !== "active"),
    );
  });
  return 0;
}

function notePending(ctx: CommandContext, names: readonly string[]): void {
  if (names.length === 0) return;
  ctx.note(`not members yet: ${names.join(", ")}`);
  ctx.note(`next: lab token create --name ${names[0]}`);
}
