import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../core/errors.ts";

/** A process that is told from a later one with the same number by the time when it started. */
export interface RunningProcess {
  readonly pid: number;
  /** In the kernel's ticks since boot; empty where nothing tells. */
  readonly started: string;
}

const POLL_MS = 20;
const OWN_STAT = "/proc/self/stat";

export function describeProcess(pid: number): RunningProcess {
  return { pid, started: statOf(pid)?.started ?? "" };
}

/** True if it is this very process, and not one that only waits to be collected by its parent. */
export function runs({ pid, started }: RunningProcess): boolean {
  if (started === "" && !existsSync(OWN_STAT)) return isTaken(pid);
  const stat = statOf(pid);
  return stat !== null && stat.state !== "Z" && stat.started === started;
}

/**
 * Ends processes: at once by `SIGKILL`, or by `SIGTERM` and, if they take longer than `graceMs`, by force. Resolves when
 * none of them runs any more.
 */
export async function endProcesses(
  processes: readonly RunningProcess[],
  { graceMs }: { readonly graceMs: number },
): Promise<void> {
  const signal = (name: NodeJS.Signals) => {
    for (const { pid } of processes.filter(runs)) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
  };
  signal(graceMs > 0 ? "SIGTERM" : "SIGKILL");
  for (let waitedMs = 0; processes.some(runs); waitedMs += POLL_MS) {
    if (waitedMs >= graceMs) signal("SIGKILL");
    if (waitedMs > graceMs + 10_000) throw new LabError("Timeout", "an agent of the demo does not end");
    await sleep(POLL_MS);
  }
}

/** All that can be known where the kernel has no /proc. */
function isTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Fields 3 and 22 of /proc/PID/stat; they are counted from the end of the command's name, which may hold anything. */
function statOf(pid: number): { readonly state: string; readonly started: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", started: fields[19] ?? "" };
  } catch {
    return null;
  }
}
