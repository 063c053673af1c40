import { spawn } from "node:child_process";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { AlarmChannel } from "../../../core/model/alarm-route.ts";
import type { AlarmNotice } from "../../../core/ports/notifier.ts";

type Command = AlarmChannel & { readonly kind: "command" };

/** Where programs for alarms stand in a home. Whoever may write there decides what operators can have run. */
export const PROGRAM_FOLDER = "alarm.d";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const ERROR_BYTES = 400;

/** Programs that a route can name, sorted. Without the folder there are none. */
export async function listPrograms(home: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(join(home, PROGRAM_FOLDER));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const faults = await Promise.all(names.map((name) => faultOf(home, name)));
  return names.filter((_, i) => faults[i] === null).sort();
}

/** Runs the program with the notice on its standard input: no arguments, no shell, and of the environment the least. */
export async function runCommand(home: string, channel: Command, notice: AlarmNotice): Promise<void> {
  const { program, timeoutSeconds } = channel;
  const fault = await faultOf(home, program);
  if (fault !== null) throw new Error(`${PROGRAM_FOLDER}/${program} ${fault}`);
  await new Promise<void>((resolve, reject) => {
    const child = spawn(join(home, PROGRAM_FOLDER, program), [], {
      cwd: "/",
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", LAB_HOME: home },
      stdio: ["pipe", "ignore", "pipe"],
      // A group of its own, so that what it started ends with it.
      detached: true,
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(0, ERROR_BYTES);
    });
    const timer = setTimeout(() => {
      kill(child.pid);
      reject(new Error(`${program} has not ended within ${timeoutSeconds} s`));
    }, timeoutSeconds * 1000);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(new Error(`${program} ended with ${code ?? signal}${said === "" ? "" : `: ${said.trim()}`}`));
    });
    // A program that reads nothing and ends is no error of this side.
    child.stdin.on("error", () => {});
    child.stdin.end(`${JSON.stringify(notice)}\n`);
  });
}

function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended in this moment.
  }
}

/** Why a program is not run; null if it may be. */
async function faultOf(home: string, name: string): Promise<string | null> {
  if (!NAME.test(name)) return "is not the name of a program";
  const [folder, file] = await Promise.all([look(join(home, PROGRAM_FOLDER)), look(join(home, PROGRAM_FOLDER, name))]);
  if (folder === null || file === null) return "is not on this machine";
  if (!folder.isDirectory()) return "is in no folder";
  if (!file.isFile()) return "is no file; links are not followed";
  if (((folder.mode | file.mode) & 0o022) !== 0) return "can be changed by others: chmod go-w";
  return (file.mode & 0o111) === 0 ? "cannot be run: chmod +x" : null;
}

async function look(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}
