import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { LabError } from "../core/errors.ts";
import { type Lock, lockDirectory } from "../operator/files/lock.ts";
import type { Groups } from "./groups.ts";
import { type RunningProcess, runs } from "./processes.ts";

/** `demo.json` in the demo's directory: what the demo made, and so may run, cut, kill and remove. */
export interface DemoFile {
  readonly v: 1;
  /** `starting` until `up` is through; what an `up` that died has left is only fit to be removed. */
  readonly state: "starting" | "ready";
  readonly machines: readonly DemoMachine[];
  /** Directory of the operators' keys. */
  readonly operators: string;
  /** Where the contexts stand. */
  readonly configDir: string;
}

export interface DemoMachine {
  readonly name: string;
  /** Hex of the node's key; null until its home is made, and when it is about to be removed. */
  readonly key: string | null;
}

const FILE = "demo.json";
const CUT = "cut.json";
const PROCESSES = "processes";
/** Far longer than `up` takes. */
const LOCK_WAIT_MS = 60_000;
const LOCK_ATTEMPTS = 10;

export function homeOf(root: string, name: string): string {
  return join(root, name);
}

export function logOf(root: string, name: string): string {
  return join(homeOf(root, name), "log", "agent.log");
}

/** Null where no demo is. Throws `InvalidFile`. */
export function readDemo(root: string): DemoFile | null {
  const file = readJson(join(root, FILE)) as DemoFile | null;
  if (file === null || (file.v === 1 && Array.isArray(file.machines))) return file;
  throw new LabError("InvalidFile", `${join(root, FILE)} is not this release's`, { hint: `rm -r ${root}` });
}

/** Throws `NotFound` where no demo is. */
export function requireDemo(root: string): DemoFile {
  const file = readDemo(root);
  if (file !== null) return file;
  throw new LabError("NotFound", "the demo is not up", { hint: "lab demo up" });
}

export function writeDemo(root: string, file: DemoFile): void {
  writeJson(join(root, FILE), file);
}

/** From now on no agent starts. */
export function disown(root: string, file: DemoFile): void {
  const machines = file.machines.map(({ name }) => ({ name, key: null }));
  writeDemo(root, { ...file, state: "starting", machines });
}

/** Makes the directory for a new demo. Throws `AlreadyExists` rather than to touch what somebody else put there. */
export function claimDirectory(root: string, file: DemoFile): void {
  for (const directory of [root, file.operators]) {
    if (contentOf(directory).length > 0) {
      throw new LabError("AlreadyExists", `${directory} is not empty, and not of a demo`, {
        hint: "move it away, or set XDG_STATE_HOME and LAB_CONFIG to other directories",
      });
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  mkdirSync(join(root, PROCESSES), { mode: 0o700 });
  writeDemo(root, file);
}

/** Removes what a demo made; its agents must have ended. */
export function removeDirectory(root: string, { operators, machines }: DemoFile): void {
  for (const { name } of machines) {
    for (const socket of ["agent", "secrets", "demo"]) removeFarSocket(root, name, socket);
    rmSync(homeOf(root, name), { recursive: true, force: true });
  }
  rmSync(operators, { recursive: true, force: true });
  // The file that says whose this is goes last.
  rmSync(join(root, CUT), { force: true });
  rmSync(join(root, PROCESSES), { recursive: true, force: true });
  rmSync(join(root, FILE), { force: true });
}

/**
 * One command at a time makes, changes and removes the demo; another one waits for it. The demo's directory is there
 * meanwhile, and goes with its last content.
 */
export async function withLock<T>(root: string, work: () => Promise<T>): Promise<T> {
  const lock = await lockRoot(root);
  try {
    return await work();
  } finally {
    lock.release();
    removeIfEmpty(root);
  }
}

async function lockRoot(root: string): Promise<Lock> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await lockDirectory(root, { waitMs: LOCK_WAIT_MS, now: Date.now });
    } catch (cause) {
      // Whoever had it has just removed the directory.
      if ((cause as NodeJS.ErrnoException).code === "ENOENT" && attempt < LOCK_ATTEMPTS) continue;
      if (!(cause instanceof LabError) || cause.code !== "Conflict") throw cause;
      throw new LabError(
        "Conflict",
        "another lab demo command is at work",
        { hint: "wait until it has ended" },
        { cause },
      );
    }
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Names in a directory, but for those of the lock. */
function contentOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((name) => !/^lock([.]|$)/.test(name)) : [];
}

/** Of a home with a path too long for sockets; `run/` says where they are. */
function removeFarSocket(root: string, name: string, socket: string): void {
  const pointer = join(homeOf(root, name), "run", socket === "agent" ? "socket" : `${socket}-socket`);
  if (!existsSync(pointer)) return;
  const path = readFileSync(pointer, "utf8").trim();
  if (!path.startsWith(root) && /^lab-\d+-[0-9a-f]{16}$/.test(basename(dirname(path)))) {
    rmSync(dirname(path), { recursive: true, force: true });
  }
}

/** How the mesh is cut; whole, if nothing is said. */
export function readCut(root: string): Groups {
  return (readJson(join(root, CUT)) as Groups | null) ?? [];
}

export function writeCut(root: string, groups: Groups): void {
  writeJson(join(root, CUT), groups);
}

/** Throws where the demo is gone. */
export function recordProcess(root: string, name: string, process: RunningProcess): void {
  writeJson(join(root, PROCESSES, `${name}.json`), process);
}

/** The agent's process, if it runs. */
export function processOf(root: string, name: string): RunningProcess | null {
  const process = readJson(join(root, PROCESSES, `${name}.json`)) as RunningProcess | null;
  return process !== null && runs(process) ? process : null;
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new LabError("InvalidFile", `${path} is not JSON`, { hint: "lab demo down" });
  }
}

function writeJson(path: string, content: unknown): void {
  const partial = `${path}.${process.pid}.new`;
  writeFileSync(partial, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(partial, path);
}
