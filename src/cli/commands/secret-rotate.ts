import { LabError, NotFoundError } from "../../core/errors.ts";
import { requireSecretPath } from "../../core/names.ts";
import { secretPath, secretRotationPath } from "../../core/paths.ts";
import { generatorOf } from "../../core/policy/generated.ts";
import type { CommandContext } from "../command.ts";
import { type Signing, withSigning } from "../signing/signing.ts";

/** `lab secret rotate`: asks the stores for a new value of a secret that they make. */
export async function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  const paths = [secretPath(path), secretRotationPath(path)];
  await withSigning(ctx, { paths }, (signing) => rotate(ctx, signing, path));
  return 0;
}

async function rotate(ctx: CommandContext, { session }: Signing, path: string): Promise<void> {
  const { context } = session;
  const declared = context.current[secretPath(path)];
  if (declared === undefined) throw new NotFoundError("secret", path);
  if (generatorOf(declared) === null) {
    throw new LabError("Invalid", `secret "${path}" is set by hand: no generator makes it`, {
      hint: `lab secret set ${path}`,
    });
  }
  await session.sign({ writes: [{ path: secretRotationPath(path), value: { at: ctx.io.now() } }] });
  ctx.print(`✓ a store makes a new value of ${path}\n`);
  if (context.stores.length === 0) ctx.warn("no machine has the label secret-store: it is made once one has");
}
