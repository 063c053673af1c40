import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../../core/errors.ts";
import { connectAgentOf } from "../connection/agent-connection.ts";
import type { CommandContext } from "../command.ts";
import { commandPrefix } from "../next-command.ts";
import { runDirectoriesOf } from "../connection/place.ts";

/** The process of a detached or foreground agent, as its home knows it. */

const POLL_MS = 50;

/** Ends the agent of a home and waits for it. Throws `NoAgent`, `Timeout`, `NotAuthorised`. */
export async function stopAgent(ctx: CommandContext, home: string): Promise<void> {
  const pid = readPid(home);
  // A number in a file may be another process by now; a socket that answers is the agent's.
  if (pid === null || !(await answers(home))) {
    throw new LabError("NoAgent", `no agent runs on ${home}`, { hint: `${commandPrefix(ctx, "here")} agent --detach` });
  }
  signal(pid);
  const { timeoutMs } = ctx.globals;
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += POLL_MS) {
    if (!isRunning(pid)) {
      ctx.note(`the agent of ${home} has stopped`);
      return;
    }
    await sleep(POLL_MS);
  }
  throw new LabError("Timeout", `process ${pid} has not ended within ${timeoutMs / 1000} s`, {
    hint: `${commandPrefix(ctx, "here")} agent logs`,
  });
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ESRCH") return;
    throw new LabError(
      "NotAuthorised",
      `process ${pid} belongs to another user`,
      { hint: "stop it as that user" },
      { cause },
    );
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Of the agent that runs; what a read-only home says is of an earlier time. */
export function readPid(home: string): number | null {
  for (const directory of [...runDirectoriesOf(home), join(home, "run")]) {
    try {
      const pid = Number(readFileSync(pidFileOf(directory), "utf8"));
      if (Number.isSafeInteger(pid) && pid > 1 && isRunning(pid)) return pid;
    } catch {
      // Nothing is noted here.
    }
  }
  return null;
}

export async function answers(home: string): Promise<boolean> {
  const connection = await connectAgentOf(home, "agent", { timeoutMs: 1000 });
  await connection?.close();
  return connection !== undefined;
}

export function pidFileOf(directory: string): string {
  return join(directory, "agent.pid");
}
