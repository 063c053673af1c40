import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../../core/errors.ts";
import type { ItemDocument, ListDocument } from "../../operations/kinds/meta.ts";
import type { Peer } from "../../operations/kinds/peer.ts";
import type { Server } from "../../operations/kinds/server.ts";
import type { Status } from "../../operations/kinds/status.ts";
import { answers, stopAgent } from "../machine/agent-process.ts";
import { confirm } from "../terminal/confirm.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { retire } from "../signing/retiring.ts";
import { withSigning } from "../signing/signing.ts";

const HEARD_MS = 10_000;
const POLL_MS = 100;
const PULL_EVERY_MS = 1_000;

/** `lab leave`: this machine is a member no more, for the others and for itself. */
export async function run(ctx: CommandContext): Promise<number> {
  const { home, operatorDir } = ctx.place;
  if (home === undefined || ctx.globals.peer !== undefined) {
    throw new LabError("Usage", "a machine leaves by itself: by its home, not by a socket or a peer", {
      hint: "--home DIR",
    });
  }
  const connection = await ctx.connect("replica");
  const { item } = (await connection.call("GET", "/v1/status")) as ItemDocument<Status>;
  const { meshName } = item as Status & { readonly meshName: string };
  const { items } = (await connection.call("GET", "/v1/servers")) as ListDocument<Server>;
  // One that was here before under the same name is in the list, too.
  const isMember = items.some(({ name, identity }) => name === item.peer && identity.state !== "failed");
  const others = items.filter(
    ({ name, id, identity }) => name !== item.peer && id !== null && identity.state !== "failed",
  );
  const { keyFileNames } = await import("../../operator/files/key-file.ts");
  const canRetire = isMember && others.length > 0 && keyFileNames(operatorDir).length > 0;
  if (isMember && !canRetire && others.length > 0 && !ctx.flags.on("force")) {
    throw new LabError("Conflict", `${item.peer} is a member for everybody else`, {
      hint: `lab retire server ${item.peer}, where an operator's key is; or lab leave --force`,
    });
  }
  await confirm(ctx, `Delete the keys, the store and the secrets of ${item.peer} in ${home}?`, [
    ...(others.length === 0 ? [`it is the last member: mesh ${meshName} ends with it`] : []),
  ]);
  if (canRetire && !ctx.flags.on("force")) {
    await withSigning(ctx, { servers: [item.peer] }, (signing) => retire(ctx, signing, item.peer), connection);
    await untilHeard(ctx, connection, item.peer);
  }
  await connection.close();
  if (await answers(home)) await stopAgent(ctx, home);
  const { clearHome } = await import("../node-door.ts");
  await clearHome(home);
  ctx.print(`✓ this device has left mesh ${meshName}: ${home}\n`);
  if (isMember && !canRetire && others.length > 0)
    ctx.note(`an operator has to say so, too: lab retire server ${item.peer}`);
  return 0;
}

/** Whoever has heard that this machine left hangs up on it: an agent that stopped before would have told nobody. */
async function untilHeard(ctx: CommandContext, connection: Connection, self: string): Promise<void> {
  const { askPull } = await import("../../operator/requests.ts");
  const isConnected = async () => {
    const { items } = (await connection.call("GET", "/v1/peers")) as ListDocument<Peer>;
    return items.some(({ name, connected }) => name !== self && connected !== "no");
  };
  for (let waitedMs = 0; waitedMs < HEARD_MS && (await isConnected()); waitedMs += POLL_MS) {
    if (waitedMs % PULL_EVERY_MS === 0) await askPull(connection);
    await sleep(POLL_MS);
  }
  if (!(await isConnected())) return;
  ctx.warn(`not everybody has heard of it yet: lab retire server ${self}, elsewhere, says so again`);
}
