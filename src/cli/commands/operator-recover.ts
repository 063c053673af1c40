import { userInfo } from "node:os";
import { LabError } from "../../core/errors.ts";
import { requireServerName } from "../../core/names.ts";
import { sshFingerprint } from "../../core/ssh/public-key.ts";
import type { Change } from "../../operator/change.ts";
import type { CommandContext } from "../command.ts";
import { deviceName, operatorNameOf } from "../machine/device-name.ts";
import { makeKey } from "../keys/new-key.ts";
import { cutKeys, gather } from "../signing/removing.ts";
import { withCode } from "../signing/root-signing.ts";
import { printChanges, type Signing } from "../signing/signing.ts";

/** `lab operator recover`: the recovery code cuts the key that is lost and lets in one that is made here. */
export async function run(ctx: CommandContext): Promise<number> {
  const [given] = ctx.args.all("NAME");
  if (ctx.flags.value("out") !== undefined) {
    throw new LabError("Usage", "a recovery is signed at once", { field: "out", hint: "leave --out away" });
  }
  const name = given === undefined ? undefined : requireServerName(given);
  await withCode(ctx, {}, (signing) => recover(ctx, signing, name));
  return 0;
}

async function recover(ctx: CommandContext, signing: Signing, given: string | undefined): Promise<void> {
  const { session, keys, random } = signing;
  const [{ planRecovery }, files, { grantBody }] = await Promise.all([
    import("../../operator/recover.ts"),
    import("../../operator/files/key-file.ts"),
    import("../../operator/authority.ts"),
  ]);
  if (session.context.logs.some(({ rank }) => rank === 0)) session.actAsRoot();
  await gather(ctx, signing);
  const own = operatorNameOf(ctx.io.env, userInfo().username);
  const plan = planRecovery(session.known, {
    name: given ?? null,
    usual: own,
    which: ctx.flags.value("key") ?? null,
    rank: session.rank,
  });
  const { name, cut, kept } = plan;
  for (const log of kept) {
    ctx.warn(`the old key ${log.slice(0, 12)} stays: this code is not root of the mesh, and of its rank`);
  }
  const { custody, signer } = await makeKey(ctx, { keys, random }, name);
  const { operatorDir } = ctx.place;
  const aside = files.setKeyFileAside(operatorDir, name, session.mesh);
  try {
    files.writeKeyFile(operatorDir, { name, mesh: session.mesh, publicKey: signer.publicKey, custody });
    const application = "application" in custody && custody.application !== null ? custody.application : undefined;
    const grant = grantBody(
      {
        name,
        key: signer.publicKey,
        rank: plan.rank,
        rights: plan.rights,
        need: plan.need,
        device: deviceName(),
        ...(application === undefined ? {} : { application }),
      },
      ctx.io.now(),
    );
    const to = sshFingerprint(keys, { key: signer.publicKey, application: application ?? null });
    const fingerprint = (hex: string) => sshFingerprint(keys, { key: Buffer.from(hex, "hex"), application: null });
    const field = "key";
    const changes: Change[] = [
      ...cut.map((key): Change => {
        return { action: "revoke", kind: "operator", name, field, from: fingerprint(key), to: null, why: null };
      }),
      { action: "grant", kind: "operator", name, field, from: null, to, why: null },
    ];
    if (cut.length === 0) {
      await session.sign({ acts: [grant] });
      await printChanges(ctx, session.context, changes);
    } else {
      const reason = ctx.flags.value("reason") ?? "recovered";
      await cutKeys(ctx, signing, {
        keys: cut,
        whom: `the old key of ${name}`,
        reason,
        changes,
        after: { acts: [grant] },
      });
    }
  } catch (error) {
    // What nobody has let in is only in the way of the next attempt.
    files.removeKeyFile(operatorDir, name);
    aside?.back();
    throw error;
  }
  ctx.note(`${name} signs with ${files.keyFilePath(operatorDir, name)} from now on`);
  if (aside !== null) ctx.note(`the key file that was there is ${aside.path} now`);
  ctx.note("what the old key could read or decrypt is not undone: set secrets anew that a thief may have seen");
}
