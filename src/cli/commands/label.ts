import { LabError } from "../../core/errors.ts";
import { requireLabelName, requireServerName } from "../../core/names.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import type { CommandContext } from "../command.ts";
import { tellExposed } from "../exposed.ts";
import { warnOfLastRoles } from "../signing/last-holder.ts";
import { printChanges, requireSubject, withSigning } from "../signing/signing.ts";

export async function run(ctx: CommandContext): Promise<number> {
  const name = requireServerName(ctx.args.one("NAME"));
  const wishes = readLabels(ctx.args.all("LABEL"));
  const { emptyPlan, planServer, serverPaths } = await import("../../operator/server-change.ts");
  await withSigning(ctx, { servers: [name], paths: serverPaths(name, wishes) }, async ({ session, connection }) => {
    const { context } = session;
    const plan = emptyPlan();
    planServer(plan, name, requireSubject(context, name), wishes, ctx.io.now());
    warnOfLastRoles(ctx, context, name, wishes.remove);
    if (plan.changes.length > 0) await session.sign(plan);
    await printChanges(ctx, context, plan.changes);
    const isStoreNoMore = plan.changes.some(({ action, from }) => action === "revoke" && from === SECRET_STORE);
    if (isStoreNoMore) await tellExposed(ctx, connection, name);
  });
  return 0;
}

interface LabelWishes {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** `web` adds, `web-` removes. Throws `Usage` for a label that is asked for both. */
export function readLabels(words: readonly string[]): LabelWishes {
  const removes = (word: string) => word.endsWith("-") && word.length > 1;
  const remove = unique(words.filter(removes).map((word) => requireLabelName(word.slice(0, -1))));
  const add = unique(words.filter((word) => !removes(word)).map((word) => requireLabelName(word)));
  const both = add.find((label) => remove.includes(label));
  if (both === undefined) return { add, remove };
  throw new LabError("Usage", `label "${both}" cannot be added and removed at once`, {
    field: "label",
    hint: `leave out "${both}" or "${both}-"`,
  });
}

function unique(labels: readonly string[]): string[] {
  return [...new Set(labels)];
}
