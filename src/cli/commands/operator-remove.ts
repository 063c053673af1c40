import { LabError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import { sshFingerprint } from "../../core/ssh/public-key.ts";
import type { CommandContext } from "../command.ts";
import { tellExposed } from "../exposed.ts";
import { cutKeys, gather } from "../signing/removing.ts";
import { withAuthority } from "../signing/root-signing.ts";
import type { Signing } from "../signing/signing.ts";

/** `lab operator remove`: cuts the keys of an operator, with everything of them kept that anybody has. */
export async function run(ctx: CommandContext): Promise<number> {
  const name = requireServerName(ctx.args.one("NAME"));
  await withAuthority(ctx, {}, (signing) => remove(ctx, signing, name));
  return 0;
}

async function remove(ctx: CommandContext, signing: Signing, name: string): Promise<void> {
  const { session, keys } = signing;
  const { operatorTargets, requireSenior, requireSomebodyLeft } = await import("../../operator/removal.ts");
  await gather(ctx, signing);
  const targets = operatorTargets(session.known, name, ctx.flags.value("key") ?? null);
  const gone = new Set(targets.map(({ key }) => key));
  requireSomebodyLeft(session.known.authority, gone);
  if (gone.has(Buffer.from(session.publicKey).toString("hex")) && session.rank > 0) {
    throw new LabError("NotAuthorised", "no key removes itself", {
      notes: ["a key that is lost or stolen is replaced with the recovery code"],
      hint: `lab operator recover ${name}`,
    });
  }
  requireSenior(session.rank, targets, `remove ${name}`, `lab operator remove ${name} --as-root`);
  const fingerprint = (key: string) => sshFingerprint(keys, { key: Buffer.from(key, "hex"), application: null });
  const state = await cutKeys(ctx, signing, {
    keys: [...gone],
    whom: `operator ${name}`,
    reason: ctx.flags.value("reason") ?? "",
    changes: [...gone].map((key) => {
      return { action: "revoke", kind: "operator", name, field: "key", from: fingerprint(key), to: null, why: null };
    }),
  });
  if (state !== "signed") return;
  await tellExposed(ctx, signing.connection, name, "operator");
  ctx.note(`${name} signs nothing any more; what was signed before stays (lab audit adopt shows what is void)`);
}
