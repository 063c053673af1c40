import type { CommandContext } from "../command.ts";
import { signOrWrite } from "../signing/orders.ts";
import { withAuthority } from "../signing/root-signing.ts";
import { printChanges, type Signing } from "../signing/signing.ts";

/** `lab approve`: one more signature under what another operator has signed. */
export async function run(ctx: CommandContext): Promise<number> {
  const wanted = ctx.args.one("ENTRY").toLowerCase();
  await withAuthority(ctx, {}, (signing) => approve(ctx, signing, wanted));
  return 0;
}

async function approve(ctx: CommandContext, { session }: Signing, wanted: string): Promise<void> {
  const { planApproval } = await import("../../operator/approval.ts");
  const plan = planApproval(session.known, wanted, {
    key: Buffer.from(session.publicKey).toString("hex"),
    rank: session.rank,
  });
  if (plan.state === "signed") {
    ctx.note(`this key has signed it already; it waits for ${plan.missing} more`);
    await printChanges(ctx, session.context, []);
    return;
  }
  const { entry, writer, what, missing } = plan;
  ctx.note(`${writer} wants: ${what}`);
  const state = await signOrWrite(ctx, session, { acts: [{ type: "approve", entry }] });
  if (state === "written") return;
  const name = Buffer.from(entry).toString("hex").slice(0, 12);
  await printChanges(ctx, session.context, [
    { action: "grant", kind: "approval", name, field: null, from: null, to: null, why: what },
  ]);
  ctx.note(missing === 1 ? "it has all its signatures, and counts" : `it waits for ${missing - 1} more`);
}
