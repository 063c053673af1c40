import { requireServerName } from "../../core/names.ts";
import type { CommandContext } from "../command.ts";
import { retire } from "../signing/retiring.ts";
import { withAuthority } from "../signing/root-signing.ts";

/** `lab retire server`: a machine that is not coming back. */
export async function run(ctx: CommandContext): Promise<number> {
  const name = requireServerName(ctx.args.one("NAME"));
  await withAuthority(ctx, { servers: [name] }, (signing) => retire(ctx, signing, name));
  return 0;
}
