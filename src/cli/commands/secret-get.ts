import { requireSecretPath } from "../../core/names.ts";
import type { CommandContext } from "../command.ts";
import { connectSecrets, fetchValue } from "../secrets-connection.ts";

/** The value, byte for byte, on stdout. */
export async function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  const connection = await connectSecrets(ctx);
  try {
    ctx.print(await fetchValue(connection, path));
    return 0;
  } finally {
    await connection.close();
  }
}
