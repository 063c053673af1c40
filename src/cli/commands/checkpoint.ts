import type { Change } from "../../operator/change.ts";
import type { CommandContext } from "../command.ts";
import { signOrWrite } from "../signing/orders.ts";
import { printChanges, type Signing, withSigning } from "../signing/signing.ts";

/** `lab checkpoint`: pins the ledger of the key that signs. */
export async function run(ctx: CommandContext): Promise<number> {
  await withSigning(ctx, {}, (signing) => pin(ctx, signing));
  return 0;
}

async function pin(ctx: CommandContext, { session }: Signing): Promise<void> {
  const { entries, pinnedAt, live, deadSince } = session.ledgerSize;
  const changes: Change[] = [];
  if (entries > pinnedAt) {
    const why = `${live} writes hold something, ${deadSince} hold nothing any more`;
    const from = pinnedAt === 0 ? null : pinnedAt;
    const what = { kind: "checkpoint", name: session.operator, field: "entry", from, to: entries, why };
    changes.push({ action: from === null ? "create" : "update", ...what });
  }
  if (ctx.flags.on("dry-run")) {
    ctx.note("nothing was signed");
    return printChanges(ctx, session.context, changes);
  }
  if (changes.length > 0 && (await signOrWrite(ctx, session, { acts: [session.checkpoint()] })) === "written") return;
  await printChanges(ctx, session.context, changes);
}
