import { requireServerName } from "../../core/names.ts";
import type { CommandContext } from "../command.ts";
import { tellExposed } from "../exposed.ts";
import { warnOfLastRoles } from "../signing/last-holder.ts";
import { cutKeys, gather } from "../signing/removing.ts";
import { withAuthority } from "../signing/root-signing.ts";
import { requireSubject, type Signing } from "../signing/signing.ts";

/** `lab identity revoke`: the machine is no member from now on, and every peer refuses it. */
export async function run(ctx: CommandContext): Promise<number> {
  const name = requireServerName(ctx.args.one("NAME"));
  await withAuthority(ctx, { servers: [name] }, (signing) => revoke(ctx, signing, name));
  return 0;
}

async function revoke(ctx: CommandContext, signing: Signing, name: string): Promise<void> {
  const { session } = signing;
  await gather(ctx, signing, { servers: [name] });
  const subject = requireSubject(session.context, name);
  warnOfLastRoles(ctx, session.context, name, Object.keys(subject.roles));
  const state = await cutKeys(ctx, signing, {
    keys: [subject.key],
    whom: `server ${name}`,
    reason: ctx.flags.value("reason") ?? "",
    changes: [
      { action: "revoke", kind: "server", name, field: "identity", from: subject.id.slice(0, 12), to: null, why: null },
    ],
  });
  if (state !== "signed") return;
  await tellExposed(ctx, signing.connection, name);
  ctx.note(`${name} is refused by every peer that hears of this; it comes back only by a new token`);
}
