import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { equalBytes, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { sshFingerprint } from "../../core/ssh/public-key.ts";
import type { Draft } from "../../operator/order.ts";
import type { OperatorSigner } from "../../operator/signer.ts";
import type { CommandContext } from "../command.ts";
import { signFounding } from "../signing/founding.ts";
import { unlockKey } from "../keys/operator-key.ts";
import { readSmallFile } from "../signing/order-files.ts";
import { codeSigner } from "../signing/root-signing.ts";

/** `lab sign`: the key is here, and everything else may be elsewhere. */
export async function run(ctx: CommandContext): Promise<number> {
  const [{ openPlatform }, orders] = await Promise.all([import("../node-door.ts"), import("../../operator/order.ts")]);
  const { keys } = await openPlatform();
  const files = ctx.args.all("FILE");
  const drafts = files.map((file) => orders.readOrder(keys, file, readSmallFile(ctx, file)));
  const [first] = drafts;
  if (first?.header.type === "genesis") return found(ctx, keys, files, first);
  const short = (id: string) => id.slice(0, 12);
  for (const [i, draft] of drafts.entries()) {
    const { mesh, key } = draft.header;
    ctx.note(`${files[i]}: ${orders.describeOrder(draft, short)}`);
    ctx.note(`  as ${sshFingerprint(keys, { key, application: null })}, in mesh ${short(toHex(mesh))}`);
  }
  const signers = new Map<string, OperatorSigner>();
  for (const [i, draft] of drafts.entries()) {
    const key = toHex(draft.header.key);
    const signer = signers.get(key) ?? (await signerOf(ctx, keys, draft.header.key));
    signers.set(key, signer);
    const path = resolve(ctx.io.cwd, `${files[i]}.sig`);
    writeFileSync(path, await orders.signOrder(keys, signer, draft), { mode: 0o644 });
    ctx.print(`✓ ${files[i]}.sig\n`);
  }
  ctx.note("next, at any member:");
  ctx.note(`  lab submit ${files.join(" ")}`);
  return 0;
}

/** A draft of a mesh has a signature of each founder beside it. */
async function found(ctx: CommandContext, keys: Keys, files: readonly string[], draft: Draft): Promise<number> {
  const [file = "", second] = files;
  if (second !== undefined) throw new LabError("Usage", `${file} founds a mesh, and is signed by itself`);
  const { armour, name } = await signFounding(ctx, { keys, file, draft });
  const path = `${file}.${name}.sig`;
  writeFileSync(resolve(ctx.io.cwd, path), armour, { mode: 0o644 });
  ctx.print(`✓ ${path}\n`);
  ctx.note("next, where the draft was written, with all signatures beside it:");
  ctx.note(`  lab init --local --from ${file}`);
  return 0;
}

async function signerOf(ctx: CommandContext, keys: Keys, publicKey: Uint8Array): Promise<OperatorSigner> {
  const { keyFileNames, readKeyFile } = await import("../../operator/files/key-file.ts");
  const { operatorDir } = ctx.place;
  if (ctx.flags.value("code") !== undefined) {
    const signer = await codeSigner(ctx, keys);
    if (equalBytes(signer.publicKey, publicKey)) return signer;
  } else {
    const own = keyFileNames(operatorDir)
      .map((name) => readKeyFile(operatorDir, name))
      .find((key) => equalBytes(key.publicKey, publicKey));
    if (own !== undefined) return unlockKey(ctx, keys, own);
  }
  const fingerprint = sshFingerprint(keys, { key: publicKey, application: null });
  throw new LabError("NotAuthorised", `the order is for ${fingerprint}, and that key is not here`, {
    notes: [`keys of this device: ${operatorDir}`],
    hint: "ssh-keygen -Y sign -n lab@authority -f KEY FILE, where the key is",
  });
}
