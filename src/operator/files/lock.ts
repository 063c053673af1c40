import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../../core/errors.ts";

const POLL_MS = 25;
/** A takeover is three system calls; a guard older than this was left behind by a crash. */
const GUARD_LIFE_MS = 10_000;

export interface Lock {
  release(): void;
}

export interface LockOptions {
  /** How long another command of the same key is waited for. */
  readonly waitMs: number;
  /** Wall clock, milliseconds: it is compared with times of files. */
  readonly now: () => number;
}

/**
 * One command at a time signs with a key: two would sign two entries with one sequence, and that freezes the log for
 * everybody. A lock whose process is gone is taken over. Throws `Conflict` (exit 8) when its process goes on.
 */
export async function lockDirectory(dir: string, { waitMs, now }: LockOptions): Promise<Lock> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, "lock");
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    if (tryCreate(path, mine)) return { release: () => rmSync(path, { force: true }) };
    const holder = readHolder(path);
    if (isGone(holder)) {
      takeOver(path, now);
    } else if (waitedMs >= waitMs) {
      throw held(holder);
    }
    await sleep(POLL_MS);
  }
}

interface Holder {
  readonly pid: number;
  /** When the process started, in the kernel's ticks: a pid alone is given again. Null where nothing tells. */
  readonly started: string | null;
}

type Found = Holder | "nobody" | "unreadable";

function held(holder: Found): LabError {
  const who = typeof holder === "string" ? "another command" : `another command (process ${holder.pid})`;
  return new LabError("Conflict", `${who} is signing with this operator's key`, {
    hint: "wait until it has ended, then try again",
  });
}

/** The file appears with its whole content or not at all. */
function tryCreate(path: string, content: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, content, { mode: 0o600 });
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function readHolder(path: string): Found {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "nobody";
    throw error;
  }
  try {
    const { pid, started } = JSON.parse(text) as Holder;
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, started } : "unreadable";
  } catch {
    return "unreadable";
  }
}

/** What cannot be read is what a power cut left of a lock. */
function isGone(holder: Found): boolean {
  if (typeof holder === "string") return holder === "unreadable";
  const { pid, started } = holder;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return true;
  }
  const now = startOf(pid);
  return started !== null && now !== null && now !== started;
}

/** Field 22 of /proc/PID/stat; what stands before it is counted from the end of the command's name, which may hold anything. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

/** Only the holder of the guard removes a lock, so that nobody removes one that was made after it looked. */
function takeOver(path: string, now: () => number): void {
  const guard = `${path}.takeover`;
  if (!tryCreate(guard, "")) {
    try {
      if (now() - statSync(guard).mtimeMs > GUARD_LIFE_MS) rmSync(guard, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    return;
  }
  try {
    if (isGone(readHolder(path))) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}
