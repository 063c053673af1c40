import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import { RECOVERY_CODE_PATH } from "../../core/paths.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Random } from "../../core/ports/random.ts";
import { mayAsk } from "../terminal/ask.ts";
import type { CommandContext } from "../command.ts";
import { readOnlyKey, unlockingHere } from "../keys/operator-key.ts";
import { codeSheet, showCode } from "../keys/recovery-code.ts";
import { type Signing, withSigning } from "../signing/signing.ts";

/**
 * `lab operator recovery set`: the code that was kept for later goes to paper or to a file. Where the root of the mesh
 * is the operator's key, or the paper is lost, a code that can replace a lost key and no more.
 */
export async function run(ctx: CommandContext): Promise<number> {
  const file = fileOf(ctx);
  if (file === undefined && !mayAsk(ctx)) {
    throw new LabError("Usage", "the code is shown at a terminal, or written to a file", {
      hint: "lab operator recovery set FILE",
    });
  }
  const { openKeptCode } = await import("../../operator/kept-code.ts");
  await withSigning(ctx, { paths: [RECOVERY_CODE_PATH] }, async (signing) => {
    const { session, keys } = signing;
    const key = await readOnlyKey(ctx);
    const { openSeed } = await import("../../operator/unlock.ts");
    const passphrase =
      key.custody.kind === "passphrase" ? (await openSeed(key, await unlockingHere(ctx, keys))).passphrase : null;
    const kept = await openKeptCode(ctx.place.operatorDir, session.operator, passphrase);
    passphrase?.wipe();
    if (kept !== null) await handOver(ctx, signing, new TextDecoder().decode(kept.reveal()), file);
    else await makeSecond(ctx, signing, file);
  });
  return 0;
}

function fileOf(ctx: CommandContext): string | undefined {
  const [given] = ctx.args.all("FILE");
  if (given === undefined) return undefined;
  const file = resolve(ctx.io.cwd, given);
  if (existsSync(file)) throw new LabError("AlreadyExists", `${file} is there already`);
  return file;
}

/** The words of the root leave this device. */
async function handOver(ctx: CommandContext, { session }: Signing, code: string, file: string | undefined) {
  const { removeRecoveryFile } = await import("../../operator/files/recovery-file.ts");
  await tell(ctx, session.context.meshName, code, file);
  if (session.context.current[RECOVERY_CODE_PATH] !== undefined) {
    await session.sign({ writes: [{ path: RECOVERY_CODE_PATH, value: undefined }] });
  }
  removeRecoveryFile(ctx.place.operatorDir, session.operator);
  ctx.note("the code is on this device no more");
}

async function tell(ctx: CommandContext, mesh: string, code: string, file: string | undefined): Promise<void> {
  if (file === undefined) return showCode(ctx, code);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, codeSheet(mesh, code), { mode: 0o600, flag: "wx" });
  ctx.note(`recovery code: ${file} (move it off this device)`);
}

/** Root is fixed by the genesis entry: a code that comes later is an operator's key, however senior. */
async function makeSecond(ctx: CommandContext, signing: Signing, file: string | undefined): Promise<void> {
  const { session, keys, random } = signing;
  const hasCode = session.context.recovery !== null;
  if (hasCode && !ctx.flags.on("another")) {
    throw new LabError("AlreadyExists", "this mesh has a recovery code, and it is not on this device", {
      notes: ["it was shown when the mesh was made, and nobody can show it again"],
      hint: "is it lost? lab operator recovery set --another makes one that replaces a lost key, and is not root",
    });
  }
  ctx.warn(
    hasCode ? "root stays with the code that is lost" : `root of this mesh is ${session.operator}'s key, for ever`,
  );
  ctx.note("  the new code can replace a key that is lost. It cannot remove one that is stolen, nor open secrets");
  await grantCode(ctx, signing, { keys, random }, file);
}

async function grantCode(
  ctx: CommandContext,
  { session }: Signing,
  { keys, random }: { readonly keys: Keys; readonly random: Random },
  file: string | undefined,
): Promise<void> {
  const [{ createRecoveryCode, recoveryKeys }, { EVERYTHING, grantBody }] = await Promise.all([
    import("../../operator/recovery.ts"),
    import("../../operator/authority.ts"),
  ]);
  const code = createRecoveryCode(random);
  await tell(ctx, session.context.meshName, code, file);
  const { root } = await recoveryKeys(keys, code);
  const rank = session.context.logs.find(({ log }) => log === session.logWith("admin"))?.rank ?? 1;
  const key = keys.signer(root).publicKey;
  const paper = { ...EVERYTHING, name: "recovery", device: "paper", key, rank };
  await session.sign({ acts: [grantBody(paper, ctx.io.now())] });
  ctx.note("the code counts from now on");
}
