import { LabError } from "../../core/errors.ts";
import { connectAgent, connectAgentOf } from "./agent-connection.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "./connection.ts";
import { accountSocket, MACHINE_HOME } from "./place.ts";

/**
 * To where values are: the agent's secrets socket, whose permission is the authentication; for an account that the
 * machine's agent serves, the socket of that account. Without a running agent the home's own sealed cache answers.
 */
export async function connectSecrets(ctx: CommandContext): Promise<Connection> {
  if (ctx.globals.peer !== undefined) {
    throw new LabError("Usage", "a secret is read on the machine that is entitled to it, never through a peer", {
      field: "peer",
    });
  }
  const { home } = ctx.place;
  const { timeoutMs } = ctx.globals;
  if (home === undefined) return ctx.connect();
  const account = home === MACHINE_HOME && ctx.io.uid !== 0 ? accountSocket(ctx.io.uid) : undefined;
  const agent = account === undefined ? undefined : await connectAgent(account, { timeoutMs });
  return agent ?? (await connectAgentOf(home, "secrets", { timeoutMs })) ?? ctx.connect();
}

/** The caller's own bytes: wipe them after use. */
export async function fetchValue(connection: Connection, path: string): Promise<Uint8Array> {
  const value = await connection.call("GET", `/v1/secret-values/${path}`);
  if (!(value instanceof Uint8Array)) throw new LabError("PeerFailed", "the answer is not a secret's value");
  return value;
}
