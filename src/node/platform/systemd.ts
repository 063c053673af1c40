import { LabError } from "../../core/errors.ts";
import { runTool } from "./run-tool.ts";

/** What the agent and systemd say to each other. */

const RELOAD_TIMEOUT_MS = 90_000;

/** Has a unit read its files again, if it runs; one that does not know how is started anew. Throws `Failed`. */
export async function reloadUnit(unit: string, isRoot: boolean): Promise<void> {
  const scope = isRoot ? [] : ["--user"];
  const args = [...scope, "--no-ask-password", "try-reload-or-restart", "--", unit];
  const { exit, complaint } = await runTool("systemctl", args, { timeoutMs: RELOAD_TIMEOUT_MS });
  if (exit === 0) return;
  const why = complaint === "" ? "it did not end in time" : complaint;
  throw new LabError("Failed", `${unit} was not reloaded: ${why}`, { hint: `systemctl status ${unit}` });
}

/** True where a service manager waits to be told that this process is ready (sd_notify(3)). */
export function isAwaited(): boolean {
  return process.env["NOTIFY_SOCKET"] !== undefined;
}

/**
 * Tells it, and what to show beside it. Node has no datagrams for unix sockets, so the program of the same name says it
 * for us, which takes `NotifyAccess=all` in the unit.
 */
export async function notifyReady(status: string): Promise<string | null> {
  const env = { NOTIFY_SOCKET: process.env["NOTIFY_SOCKET"] };
  const { exit, complaint } = await runTool("systemd-notify", ["--ready", `--status=${status}`], { env });
  return exit === 0 ? null : complaint;
}
