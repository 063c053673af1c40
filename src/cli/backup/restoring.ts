import type { Keys, SealIdentity } from "../../core/ports/keys.ts";
import type { Random } from "../../core/ports/random.ts";
import type { OperatorSigner } from "../../operator/signer.ts";
import type { CommandContext } from "../command.ts";
import type { OpenedBackup } from "../node-door.ts";
import { readCode } from "../signing/root-signing.ts";

/** What every way of restoring works with. */
export interface Restoring {
  readonly ctx: CommandContext;
  readonly keys: Keys;
  readonly random: Random;
  readonly home: string;
  readonly backup: OpenedBackup;
}

/** What the twelve words open. */
export interface OpenedCode {
  readonly signer: OperatorSigner;
  readonly seal: SealIdentity;
}

/** From `--code` or the prompt. Throws `Usage` where nobody can be asked, `Invalid`. */
export async function openCode({ ctx, keys }: Restoring): Promise<OpenedCode> {
  const code = await readCode(ctx);
  const [{ recoveryKeys }, { seedSigner }] = await Promise.all([
    import("../../operator/recovery.ts"),
    import("../../operator/signer.ts"),
  ]);
  const { root, seal } = await recoveryKeys(keys, code);
  return { signer: seedSigner(keys, root), seal };
}

export function tellSecrets(ctx: CommandContext, readable: number, unreadable: readonly string[]): void {
  if (readable + unreadable.length === 0) return;
  if (readable > 0) ctx.print(`✓ ${readable} of ${readable + unreadable.length} secrets can be read again\n`);
  if (unreadable.length === 0) return;
  ctx.warn(`not in this store: ${unreadable.slice(0, 5).join(", ")}${unreadable.length > 5 ? " and others" : ""}`);
}
