import type { Kind } from "../../operations/declarations/registry.ts";
import type { CommandContext } from "../command.ts";
import { printChanges } from "../signing/signing.ts";
import { digest, signOutlook } from "../declarations/wishes.ts";

/** `lab delete KIND NAME...`: removes declarations; all of them or none. */
export async function run(ctx: CommandContext): Promise<number> {
  const removal = {
    kind: ctx.args.one("KIND") as Kind,
    names: ctx.args.all("NAME"),
    force: ctx.flags.on("force"),
  };
  const [connection, { lookAtRemoval }] = await Promise.all([
    ctx.connect(),
    import("../../operator/declarations/removal.ts"),
  ]);
  const look = () => lookAtRemoval(connection, removal, digest);
  const done = await signOutlook(ctx, connection, await look(), { look, fixed: false });
  await printChanges(ctx, done.state, done.plan.changes);
  return 0;
}
