import { existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { runDirectoryName } from "../../core/run-directory.ts";
import { type ContextEntry, readContexts } from "./contexts.ts";

/** Where the agent and the operator's files are that a command means. */
export interface Place {
  /** The operator's own files: contexts, and keys unless the context has others. */
  readonly configDir: string;
  /** Keys, own log and outbox of the operator that writes here. */
  readonly operatorDir: string;
  /** The home that is meant; it need not exist. Nothing when only a socket was named. */
  readonly home: string | undefined;
  /** Where a new home goes when none was named. */
  readonly newHome: string;
  /** A socket that was named instead of a home. */
  readonly socket: string | undefined;
  /** The context that decided, if one did. */
  readonly context: string | undefined;
}

/** What the caller gave, in order of precedence: flag, context flag, environment, current context, default. */
export interface PlaceWishes {
  readonly home: string | undefined;
  readonly socket: string | undefined;
  readonly context: string | undefined;
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly uid: number;
}

export const MACHINE_HOME = "/var/lib/lab";
export const MACHINE_SECRETS = "/run/secrets";

export function findPlace(wishes: PlaceWishes, { env, cwd, uid }: Surroundings): Place {
  const configDir = resolve(cwd, env["LAB_CONFIG"] || userDir(env, "XDG_CONFIG_HOME", ".config"));
  const own = ownHome({ env, uid });
  const common = { configDir, operatorDir: configDir, newHome: own, context: undefined };

  if (wishes.socket && !wishes.home) return { ...common, home: undefined, socket: resolve(cwd, wishes.socket) };
  const named = wishes.home ?? (wishes.context === undefined ? env["LAB_HOME"] || undefined : undefined);
  if (named) {
    const home = resolve(cwd, named);
    return { ...common, home, newHome: home, socket: wishes.socket && resolve(cwd, wishes.socket) };
  }
  const { current, contexts } = readContexts(configDir);
  const name = wishes.context ?? current;
  if (name !== null) return { ...common, ...placeOf(name, contexts[name], contexts, configDir) };
  // The demo keeps its homes below this directory: only keys make it one.
  const usesDaemon = uid !== 0 && !existsSync(join(own, "keys")) && existsSync(MACHINE_HOME);
  return { ...common, home: usesDaemon ? MACHINE_HOME : own, socket: undefined };
}

/** The home of the machine's agent, or of this user's. */
export function ownHome({ env, uid }: Pick<Surroundings, "env" | "uid">): string {
  return uid === 0 ? MACHINE_HOME : userDir(env, "XDG_STATE_HOME", ".local/state");
}

/** Where that agent puts secrets as files; null where the user has no place in memory. */
export function ownSecretsDirectory({ env, uid }: Pick<Surroundings, "env" | "uid">): string | null {
  if (uid === 0) return MACHINE_SECRETS;
  const runtime = env["XDG_RUNTIME_DIR"];
  return runtime ? join(runtime, "lab/secrets") : null;
}

/** Where the machine's agent serves an account of this machine. */
export function accountSocket(uid: number): string {
  return join(MACHINE_SECRETS, "users.d", `${uid}.sock`);
}

function userDir(env: Surroundings["env"], variable: string, fallback: string): string {
  return join(env[variable] || join(env["HOME"] || homedir(), fallback), "lab");
}

/** Where the demo's homes are, whoever the user is. */
export function demoDir(env: Surroundings["env"], cwd: string): string {
  return resolve(cwd, userDir(env, "XDG_STATE_HOME", ".local/state"), "demo");
}

function placeOf(
  name: string,
  entry: ContextEntry | undefined,
  all: Readonly<Record<string, ContextEntry>>,
  dir: string,
) {
  if (!entry) {
    const names = Object.keys(all);
    const near = nearest(name, names);
    const notes = near.length > 0 ? [`nearest: ${near.join(", ")}`] : [];
    throw new LabError("NotFound", `context "${name}" does not exist`, { notes, hint: "lab context list" });
  }
  const home = entry.home && resolve(dir, entry.home);
  const socket = entry.socket && resolve(dir, entry.socket);
  const operatorDir = entry.operator ? resolve(dir, entry.operator) : dir;
  return { home, socket, operatorDir, context: name, ...(home ? { newHome: home } : {}) };
}

/**
 * Where a home's agent may have its socket, the likeliest first: in the home's `run/`, or where a note there says; or,
 * where nothing can be written there, in a directory of the home's owner.
 */
export function socketsOf(home: string, purpose: "agent" | "secrets"): readonly string[] {
  const [name, pointer] = purpose === "agent" ? ["agent.sock", "socket"] : ["secrets.sock", "secrets-socket"];
  const elsewhere = runDirectoriesOf(home).map((directory) => join(directory, name));
  try {
    return [readFileSync(join(home, "run", pointer), "utf8").trim(), ...elsewhere];
  } catch {
    return [join(home, "run", name), ...elsewhere];
  }
}

/** Where an agent puts what it cannot have under its home. Another user's directory of that name is not one of them. */
export function runDirectoriesOf(home: string): readonly string[] {
  const owner = statSync(home, { throwIfNoEntry: false });
  if (owner === undefined) return [];
  const bases = [process.env["XDG_RUNTIME_DIR"], tmpdir()].filter((base) => base !== undefined && base !== "");
  return [...new Set(bases)]
    .map((base) => join(base as string, runDirectoryName(owner)))
    .filter((directory) => {
      const found = lstatSync(directory, { throwIfNoEntry: false });
      return found?.isDirectory() === true && (found.uid === owner.uid || found.uid === 0);
    });
}
