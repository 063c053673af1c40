import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { LabError } from "../../core/errors.ts";
import { requireSecretPath } from "../../core/names.ts";
import { secretVariable } from "../../core/policy/secret-variable.ts";
import type { CachedSecret } from "../../operations/kinds/cached-secret.ts";
import type { ListDocument } from "../../operations/kinds/meta.ts";
import type { CommandContext, Terminal } from "../command.ts";
import type { Connection } from "../connection/connection.ts";
import { connectSecrets, fetchValue } from "../connection/secrets-connection.ts";

/** At a terminal the kernel gives these to the whole group that is in front, the command among it. */
const FROM_THE_TERMINAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];
const FORWARDED: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT"];

/** Ends as the command ends; 128 and the signal's number if one ended it. */
export async function run(ctx: CommandContext): Promise<number> {
  const [name = "", ...args] = ctx.args.all("CMD");
  const wanted = ctx.flags.values("path").map((path) => requireSecretPath(path, "path"));
  // A command that cannot be run needs no secrets.
  const file = findProgram(name, ctx.io);
  const connection = await connectSecrets(ctx);
  try {
    const secrets = await readVariables(connection, wanted.length > 0 ? wanted : await allPaths(connection));
    return await runToItsEnd(file, args, { ...ctx.io.env, ...secrets }, ctx.io);
  } finally {
    await connection.close();
  }
}

async function allPaths(connection: Connection): Promise<string[]> {
  const { items } = (await connection.call("GET", "/v1/secret-cache")) as ListDocument<CachedSecret>;
  return items.filter(({ status }) => status !== "withheld").map(({ path }) => path);
}

async function readVariables(connection: Connection, paths: readonly string[]): Promise<Record<string, string>> {
  const variables = new Map<string, { readonly path: string; readonly text: string }>();
  for (const path of new Set(paths)) {
    const name = secretVariable(path);
    const twin = variables.get(name);
    if (twin !== undefined) {
      const what = `secrets "${twin.path}" and "${path}" would both be ${name}`;
      throw new LabError("Invalid", what, { hint: "name the one that is meant: -p PATH" });
    }
    const value = await fetchValue(connection, path);
    try {
      variables.set(name, { path, text: textOf(path, value) });
    } finally {
      value.fill(0);
    }
  }
  return Object.fromEntries([...variables].map(([name, { text }]) => [name, text]));
}

/** Environments are text that ends at the first zero byte. */
function textOf(path: string, value: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    if (!text.includes("\0")) return text;
  } catch {
    // Said below, with what to do.
  }
  throw new LabError("Invalid", `secret "${path}" is not text: an environment cannot carry it`, {
    hint: `read it as a file, or with lab secret get ${path}; -p names the others`,
  });
}

/** As execvp(3) looks for it. Throws `CommandNotFound`, `NotExecutable`. */
function findProgram(name: string, { env, cwd }: Pick<Terminal, "env" | "cwd">): string {
  const places = name.includes("/")
    ? [resolve(cwd, name)]
    : (env["PATH"] ?? "/usr/bin:/bin").split(delimiter).map((directory) => join(resolve(cwd, directory), name));
  let refused: string | undefined;
  for (const place of places) {
    try {
      if (statSync(place).isDirectory()) {
        refused ??= place;
        continue;
      }
      accessSync(place, constants.X_OK);
      return place;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EACCES") refused ??= place;
    }
  }
  if (refused !== undefined) {
    throw new LabError("NotExecutable", `${refused} cannot be run by this user`, { hint: `ls -l ${refused}` });
  }
  throw new LabError("CommandNotFound", `there is no command "${name}"`, { hint: "is it installed, and in PATH?" });
}

function runToItsEnd(file: string, args: readonly string[], env: Terminal["env"], io: Terminal): Promise<number> {
  return new Promise((resolve, reject) => {
    // Before the command is there: a signal that came in between would end this process and leave it alone.
    const early: NodeJS.Signals[] = [];
    let send = (signal: NodeJS.Signals): unknown => early.push(signal);
    const atTerminal = io.stdin.isTTY === true || io.stdout.isTTY === true;
    // From now on an interrupt is the command's, not this process's.
    process.removeAllListeners("SIGINT");
    for (const signal of FORWARDED) process.on(signal, () => send(signal));
    // The command decides what they mean; this process only waits for its end.
    for (const signal of FROM_THE_TERMINAL) process.on(signal, () => atTerminal || send(signal));
    const child = spawn(file, args, { env, cwd: io.cwd, stdio: "inherit" });
    send = (signal) => child.kill(signal);
    early.forEach(send);
    child.once("error", (cause) => {
      reject(new LabError("NotExecutable", `${file} cannot be run: ${cause.message}`, {}, { cause }));
    });
    child.once("close", (code, signal) => resolve(code ?? 128 + (osConstants.signals[signal ?? "SIGKILL"] ?? 0)));
  });
}
