import { LabError } from "../../core/errors.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { OperatorKey } from "../../operator/files/key-file.ts";
import type { OperatorSigner } from "../../operator/signer.ts";
import type { Unlocking } from "../../operator/unlock.ts";
import type { CommandContext } from "../command.ts";

/** What this terminal and this device have to open an operator's key. */
export async function unlockingHere(ctx: CommandContext, keys: Pick<Keys, "signer" | "hash">): Promise<Unlocking> {
  const [{ sshAgentOf }, { readPassphrase }] = await Promise.all([
    import("../../operator/files/ssh-agent.ts"),
    import("./passphrase.ts"),
  ]);
  return {
    keys,
    passphrase: ({ name }, attempt) => readPassphrase(ctx, name, attempt),
    sshAgent: () => sshAgentOf(ctx.io.env),
  };
}

/** Opens an operator's key. Throws what `unlock` does, and `Usage`. */
export async function unlockKey(
  ctx: CommandContext,
  keys: Pick<Keys, "signer" | "hash">,
  key: OperatorKey,
): Promise<OperatorSigner> {
  const [{ unlock }, unlocking] = await Promise.all([import("../../operator/unlock.ts"), unlockingHere(ctx, keys)]);
  return unlock(key, unlocking);
}

/** The key file that is meant where no mesh says which: the only one, or that of `LAB_OPERATOR`. */
export async function readOnlyKey(ctx: CommandContext): Promise<OperatorKey> {
  const { keyFileNames, readKeyFile } = await import("../../operator/files/key-file.ts");
  const { operatorDir } = ctx.place;
  const named = ctx.io.env["LAB_OPERATOR"] || undefined;
  const names = named === undefined ? keyFileNames(operatorDir) : [named];
  const [only] = names;
  if (only !== undefined && names.length === 1) return readKeyFile(operatorDir, only);
  if (only === undefined) {
    throw new LabError("NotFound", `there is no operator's key in ${operatorDir}`, {
      hint: "LAB_CONFIG or --context names where the key is",
    });
  }
  throw new LabError("Usage", `several operators' keys are here: ${names.join(", ")}`, {
    hint: `LAB_OPERATOR=${only} in front of the command`,
  });
}
