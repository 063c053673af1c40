import { LabError } from "../../core/errors.ts";
import type { Outlook, Wishes } from "../../operator/declarations/apply.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { printChanges } from "../signing/signing.ts";
import { outlookOf, readSavedPlan, readWishes, signOutlook } from "../declarations/wishes.ts";

/** `lab apply -f` and `lab apply --plan`: everything is read and checked first, and signed as one batch. */
export async function run(ctx: CommandContext): Promise<number> {
  const plan = ctx.flags.value("plan");
  if (plan !== undefined) return applyPlan(ctx, plan);
  const wishes = await readWishes(ctx);
  const connection = await ctx.connect();
  await apply(ctx, connection, wishes, await outlookOf(connection, wishes), false);
  return 0;
}

async function applyPlan(ctx: CommandContext, path: string): Promise<number> {
  for (const flag of ["file", "modules", "owner", "prune", "force"]) {
    if (!ctx.flags.on(flag)) continue;
    throw new LabError("Usage", `--plan and --${flag} exclude each other`, {
      field: flag,
      hint: "what a plan was made of stands in it",
    });
  }
  const { wishes, mesh, base } = await readSavedPlan(ctx, path);
  const connection = await ctx.connect();
  const outlook = await outlookOf(connection, wishes);
  if (outlook.state.mesh !== mesh) {
    throw new LabError("WrongMesh", `${path} is a plan for another mesh`, {
      notes: [`the plan's mesh: ${mesh.slice(0, 16)}…`, `the agent's mesh: ${outlook.state.mesh.slice(0, 16)}…`],
      hint: "--context or --home names the agent that is meant",
    });
  }
  if (outlook.base !== base) {
    const { stalePlan } = await import("../../operator/declarations/apply.ts");
    throw stalePlan(outlook);
  }
  await apply(ctx, connection, wishes, outlook, true);
  return 0;
}

async function apply(
  ctx: CommandContext,
  connection: Connection,
  wishes: Wishes,
  outlook: Outlook,
  fixed: boolean,
): Promise<void> {
  const look = () => outlookOf(connection, wishes);
  const done = await signOutlook(ctx, connection, outlook, { look, fixed });
  await printChanges(ctx, done.state, done.plan.changes);
  notePending(ctx, done.plan.pending);
}

const PENDING_NAMED = 5;

function notePending(ctx: CommandContext, names: readonly string[]): void {
  if (names.length === 0) return;
  const more = names.length > PENDING_NAMED ? ` and ${names.length - PENDING_NAMED} more` : "";
  ctx.note(`not members yet: ${names.slice(0, PENDING_NAMED).join(", ")}${more}`);
  ctx.note(`next: lab token create --name ${names[0]}`);
}
