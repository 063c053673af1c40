import { spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../core/errors.ts";
import { readNote } from "../node/platform/home.ts";
import { homeOf, logOf, recordProcess } from "./directory.ts";
import { describeProcess } from "./processes.ts";

const POLL_MS = 20;
const START_TIMEOUT_MS = 30_000;
const LOG_LINES_SHOWN = 5;

/**
 * Starts the agent of one of the demo's machines as a process of its own and resolves when its socket answers. What is
 * started is on record at once, so that nothing runs that `down` would not find.
 */
export async function launch(root: string, name: string): Promise<void> {
  const home = homeOf(root, name);
  const path = logOf(root, name);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const log = openSync(path, "a", 0o600);
  const before = fstatSync(log).size;
  const program = [...process.execArgv, process.argv[1] ?? ""];
  const child = spawn(process.execPath, [...program, "demo", "agent", "--home", home], {
    detached: true,
    stdio: ["ignore", log, log],
    cwd: "/",
  });
  closeSync(log);
  child.unref();
  let ended: string | null = null;
  child.once("error", (error) => (ended = error.message));
  child.once("exit", (code, signal) => (ended = `it ended with ${signal ?? code}`));
  if (child.pid !== undefined) recordProcess(root, name, describeProcess(child.pid));
  for (let waitedMs = 0; !(await answers(home)); waitedMs += POLL_MS) {
    if (ended !== null || waitedMs >= START_TIMEOUT_MS) {
      const lines = readFileSync(path).subarray(before).toString("utf8").trim().split("\n");
      throw new LabError("Failed", `the agent of ${name} did not start: ${ended ?? "it does not answer"}`, {
        notes: lines.slice(-LOG_LINES_SHOWN),
        hint: `the whole log: ${path}`,
      });
    }
    await sleep(POLL_MS);
  }
}

/** Whether an agent serves this home. */
export async function answers(home: string): Promise<boolean> {
  const path = await readNote(home, "socket");
  if (path === undefined) return false;
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
