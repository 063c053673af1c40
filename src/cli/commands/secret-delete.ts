import { NotFoundError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { requireSecretPath } from "../../core/names.ts";
import { secretPath, secretVersionPath } from "../../core/paths.ts";
import type { CommandContext } from "../command.ts";
import { confirm } from "../terminal/confirm.ts";
import { withSigning } from "../signing/signing.ts";

/**
 * `lab secret delete PATH`: machines forget the value as soon as they hear of it. Stores keep it sealed, for a return.
 */
export async function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  const [declaration, version] = [secretPath(path), secretVersionPath(path)];
  await withSigning(ctx, { paths: [declaration, version] }, async ({ session }) => {
    const { current } = session.context;
    if (current[version] === undefined && current[declaration] === undefined)
      throw new NotFoundError("secret", path, []);
    await confirm(ctx, `Delete the value of ${path}?`, ["every machine that has it forgets it"]);
    const isByHand = current[declaration] !== undefined && !isManaged(current[declaration]);
    await session.sign({
      writes: [
        ...(current[version] === undefined ? [] : [{ path: version, value: undefined }]),
        ...(isByHand ? [{ path: declaration, value: undefined }] : []),
      ],
    });
    ctx.print(`${path}: deleted\n`);
    if (current[version] !== undefined) {
      ctx.note("stores keep the last values, sealed:");
      ctx.note(`  lab secret rollback ${path}`);
    }
  });
  return 0;
}

function isManaged(declared: Json): boolean {
  return typeof (declared as { readonly managedBy?: Json }).managedBy === "string";
}
