import { LabError } from "../../core/errors.ts";
import { requireSecretPath } from "../../core/names.ts";
import { connectAgentOf } from "../agent-connection.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection.ts";

/** The value, byte for byte, on stdout. It comes from the secrets socket, whose permission is the authentication. */
export async function run(ctx: CommandContext): Promise<number> {
  const path = requireSecretPath(ctx.args.one("PATH"));
  if (ctx.globals.peer !== undefined) {
    throw new LabError("Usage", "a secret is read on the machine that is entitled to it, never through a peer", {
      field: "peer",
    });
  }
  const connection = await secretsConnection(ctx);
  try {
    const value = await connection.call("GET", `/v1/secret-values/${path}`);
    if (!(value instanceof Uint8Array)) throw new LabError("PeerFailed", "the answer is not a secret's value");
    ctx.print(value);
    return 0;
  } finally {
    await connection.close();
  }
}

/** Without a running agent the home's own sealed cache answers. */
async function secretsConnection(ctx: CommandContext): Promise<Connection> {
  const { home } = ctx.place;
  const { timeoutMs } = ctx.globals;
  const agent = home === undefined ? undefined : await connectAgentOf(home, "secrets", { timeoutMs });
  return agent ?? ctx.connect();
}
