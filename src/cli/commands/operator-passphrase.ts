import { resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import type { CommandContext } from "../command.ts";
import { readOnlyKey, unlockingHere } from "../keys/operator-key.ts";
import { askNewPassphrase, passphraseInFile } from "../keys/passphrase.ts";

/** `lab operator passphrase`: another one, a first one, or none. The key stays the same. */
export async function run(ctx: CommandContext): Promise<number> {
  const [key, { openPlatform }, { openSeed }, { replaceKeyFile }, recovery] = await Promise.all([
    readOnlyKey(ctx),
    import("../node-door.ts"),
    import("../../operator/unlock.ts"),
    import("../../operator/files/key-file.ts"),
    import("../../operator/kept-code.ts"),
  ]);
  if (key.custody.kind === "ssh-agent" || key.custody.kind === "elsewhere") {
    throw new LabError("Usage", `the key of ${key.name} is in no file of this device`, {
      hint: "ssh-keygen -p changes the passphrase of an SSH key",
    });
  }
  const { keys } = await openPlatform();
  const { operatorDir } = ctx.place;
  const opened = await openSeed(key, await unlockingHere(ctx, keys));
  const fresh = await newPassphrase(ctx, key.name);
  try {
    const code = await recovery.openKeptCode(operatorDir, key.name, opened.passphrase);
    const { sealWithPassphrase } = await import("../../operator/passphrase.ts");
    const custody =
      fresh === null
        ? ({ kind: "plain", seed: opened.seed } as const)
        : ({ kind: "passphrase", sealed: await sealWithPassphrase(opened.seed, fresh) } as const);
    if (code !== null) await recovery.keepCode(operatorDir, key.name, code, fresh);
    replaceKeyFile(operatorDir, { ...key, custody });
  } finally {
    opened.passphrase?.wipe();
    fresh?.wipe();
  }
  ctx.note(
    fresh === null ? `the key of ${key.name} has no passphrase now` : `the key of ${key.name} has a new passphrase`,
  );
  return 0;
}

async function newPassphrase(ctx: CommandContext, name: string): Promise<Secret | null> {
  const file = ctx.flags.value("new-passphrase-file");
  if (ctx.flags.on("none")) return null;
  if (file !== undefined) return passphraseInFile(resolve(ctx.io.cwd, file));
  const fresh = await askNewPassphrase(ctx, `New passphrase for ${name}'s key`, "--new-passphrase-file FILE");
  if (fresh !== null) return fresh;
  throw new LabError("Usage", "an empty passphrase protects nothing", { hint: "--none takes the passphrase away" });
}
