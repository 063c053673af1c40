import { LabError } from "../../core/errors.ts";
import { requireSecretPath, requireServerName } from "../../core/names.ts";
import { secretOperatorsPath } from "../../core/paths.ts";
import type { CommandContext } from "../command.ts";
import { type Signing, withSigning } from "../signing/signing.ts";

/** `lab secret allow PATH OPERATOR...`: who may read a value besides the machines that are entitled to it. */
export async function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  const names = ctx.args.all("OPERATOR").map((name) => requireServerName(name, "operator"));
  if (ctx.flags.on("nobody") !== (names.length === 0)) {
    throw new LabError("Usage", "name the operators who may read it, or --nobody", {
      field: "operator",
      hint: `lab secret allow ${path} bob`,
    });
  }
  await withSigning(ctx, { paths: [secretOperatorsPath(path)] }, (signing) => allow(ctx, signing, path, names));
  return 0;
}

async function allow(ctx: CommandContext, { session }: Signing, path: string, names: readonly string[]): Promise<void> {
  const { allowOperators } = await import("../../operator/secret-readers.ts");
  const write = allowOperators(session, path, names);
  if (write.value !== undefined || session.context.current[write.path] !== undefined) {
    await session.sign({ writes: [write] });
  }
  if (names.length === 0) {
    ctx.print(`${path}: no operator may read it\n`);
    ctx.note("what they read before they have: a new value ends that");
  } else ctx.print(`${path}: readable by ${[...new Set(names)].join(", ")} besides its machines\n`);
}
