import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../../core/errors.ts";
import type { CommandContext } from "../command.ts";
import { connectRunningAgent } from "../connection/connect.ts";

const POLL_MS = 100;

/** `lab agent ready`. */
export async function run(ctx: CommandContext): Promise<number> {
  const { timeoutMs, peer } = ctx.globals;
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += POLL_MS) {
    const connection = await connectRunningAgent(ctx.place, { timeoutMs: timeoutMs - waitedMs, peer });
    if (connection === undefined) {
      await sleep(POLL_MS);
      continue;
    }
    try {
      const { status } = (await connection.call("GET", "/v1/ready")) as { readonly status: string };
      ctx.print(`${status}\n`);
      return 0;
    } finally {
      await connection.close();
    }
  }
  throw new LabError("Timeout", `no agent answered within ${timeoutMs / 1000} s`, { hint: "lab agent logs" });
}
