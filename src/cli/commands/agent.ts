import { spawn } from "node:child_process";
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDurationMs } from "../../core/duration.ts";
import { exitCodeOf, LabError } from "../../core/errors.ts";
import type { AgentSettings } from "../node-door.ts";
import type { CommandContext } from "../command.ts";
import { answers, pidFileOf, readPid, stopAgent } from "../machine/agent-process.ts";
import { placeHere, readKeep } from "../backup/backup-place.ts";
import { commandPrefix } from "../next-command.ts";
import { ownHome, ownSecretsDirectory } from "../connection/place.ts";
import { tellSlowStart } from "../machine/slow-start.ts";

const POLL_MS = 50;

/** `lab agent`, `lab agent stop`, `lab agent logs`. */
export async function run(ctx: CommandContext): Promise<number> {
  const home = ctx.place.home;
  if (home === undefined) {
    throw new LabError("Usage", "an agent is found by its home, not by its socket", {
      field: "socket",
      hint: "--home DIR",
    });
  }
  switch (ctx.command.words[1]) {
    case "stop":
      await stopAgent(ctx, home);
      return 0;
    case "logs":
      return logs(ctx, home);
    default:
      return ctx.flags.on("detach") ? detach(ctx, home) : serve(ctx, home);
  }
}

const DAY_MS = 24 * 3_600_000;

/** Throws `Usage`. */
function readBackupWish(ctx: CommandContext): Partial<Pick<AgentSettings, "backup">> {
  const { env } = ctx.io;
  const place = ctx.flags.value("backup");
  const every = ctx.flags.value("backup-every");
  const keep = readKeep(ctx, "backup-keep");
  if (place === undefined) {
    if (every === undefined && keep === undefined) return {};
    throw new LabError("Usage", "backups are made to a place", { field: "backup", hint: "--backup PLACE" });
  }
  const address = placeHere(ctx, place);
  const everyMs = every === undefined ? DAY_MS : parseDurationMs(every, "backup-every");
  const s3Credentials = credentialsHere(ctx);
  const open = async () => (await import("../node-door.ts")).openPlace(address, { env, s3Credentials });
  return { backup: { address, everyMs, keep, open } };
}

function credentialsHere(ctx: CommandContext): string | undefined {
  const file = ctx.flags.value("s3-credentials");
  return file === undefined ? undefined : resolve(ctx.io.cwd, file);
}

async function serve(ctx: CommandContext, home: string): Promise<number> {
  const { startAgent } = await import("../node-door.ts");
  const ending = new Promise<number>((resolve) => {
    ctx.onInterrupt(() => resolve(exitCodeOf("Interrupted")));
    process.once("SIGTERM", () => resolve(0));
  });
  const started = tellSlowStart(ctx, home);
  const agent = await startAgent({
    home,
    listen: ctx.flags.values("listen"),
    announce: ctx.flags.values("announce"),
    mdns: !ctx.flags.on("no-mdns"),
    secrets: secretsOf(ctx, home),
    ...copiesOf(ctx),
    ...readBackupWish(ctx),
    logLevel: ctx.globals.debug ? "debug" : "info",
    writeLog: (line) => void ctx.io.stderr.write(line.endsWith("\n") ? line : `${line}\n`),
  }).finally(started);
  const pidFile = notePid(ctx, [pidFileOf(join(home, "run")), pidFileOf(dirname(agent.socket))]);
  ctx.note(`agent ${agent.name} of mesh ${agent.meshName} listens on ${agent.addresses.join(", ")}`);
  try {
    const end = await Promise.race([ending, agent.removed]);
    if (typeof end === "number") return end;
    throw end;
  } finally {
    await agent.stop();
    if (pidFile !== null) rmSync(pidFile, { force: true });
  }
}

/**
 * Where this machine's programs find their secrets. A machine has one such place, so only the agent of the machine's (or
 * user's) own home takes it by itself; others are told where, or have none.
 */
function secretsOf(ctx: CommandContext, home: string): AgentSettings["secrets"] {
  const disk = ctx.flags.on("secrets-on-disk") ? "accepted" : "refused";
  const wish = ctx.flags.value("secrets-dir");
  if (wish === "none") return null;
  if (wish !== undefined) return { directory: resolve(ctx.io.cwd, wish), chosen: "by-name", disk };
  const directory = ownSecretsDirectory(ctx.io);
  return home === ownHome(ctx.io) && directory !== null ? { directory, chosen: "by-default", disk } : null;
}

/** Where the secret store of this machine keeps copies. Throws `Usage`. */
function copiesOf(ctx: CommandContext): Partial<Pick<AgentSettings, "secretCopies">> {
  const place = ctx.flags.value("secret-copies");
  if (place === undefined) return {};
  const [, directory] = /^age:(.+)$/.exec(place) ?? [];
  if (directory !== undefined) return { secretCopies: resolve(ctx.io.cwd, directory) };
  throw new LabError("Usage", `copies are not kept in "${place}"`, { field: "secret-copies", hint: "age:DIR" });
}

/** In the first place that takes it: the home may be read-only. Null if none does. */
function notePid(ctx: CommandContext, places: readonly string[]): string | null {
  for (const path of places) {
    try {
      writeFileSync(path, `${process.pid}\n`);
      return path;
    } catch {
      // The next one is beside the socket, which could be made.
    }
  }
  ctx.note("lab agent stop will not find this agent: nowhere to note its process");
  return null;
}

/** The same command again, on its own, with its log in a file; returns when its socket answers. */
async function detach(ctx: CommandContext, home: string): Promise<number> {
  if (!existsSync(join(home, "home.json"))) {
    throw new LabError("NoHome", `there is no home in ${home}`, { hint: "lab init --local, or lab join TOKEN" });
  }
  if (await answers(home)) {
    ctx.note(`the agent of ${home} runs already`);
    return 0;
  }
  const logPath = logFileOf(home);
  const log = openLog(home, logPath);
  const before = log === "ignore" ? 0 : fstatSync(log).size;
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...detachedArgv(ctx, home)], {
    detached: true,
    stdio: ["ignore", log, log],
    env: ctx.io.env,
    cwd: "/",
  });
  if (log !== "ignore") closeSync(log);
  child.unref();
  const ended = new Promise<number>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", (code) => resolve(code ?? 1));
  });
  const waited = tellSlowStart(ctx, home);
  const started = await untilAnswers(ctx, home, child.pid, ended).finally(waited);
  if (started === "answers") {
    const told = log === "ignore" ? `its log is not kept: ${logPath} cannot be written` : `log ${logPath}`;
    ctx.print(`✓ agent runs (process ${child.pid}), ${told}\n`);
    ctx.note("next:");
    ctx.note(`  ${commandPrefix(ctx, "here")} get servers`);
    return 0;
  }
  // It said on its stderr what was wrong, in the words of every other command.
  if (log !== "ignore") ctx.io.stderr.write(readFileSync(logPath).subarray(before));
  else ctx.note("why is not kept on a read-only file system; in the foreground it is seen: lab agent");
  return started;
}

/** Where nothing can be written the agent runs without: it answers reads all the same. */
function openLog(home: string, path: string): number | "ignore" {
  try {
    mkdirSync(join(home, "log"), { recursive: true, mode: 0o700 });
    return openSync(path, "a", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EROFS") return "ignore";
    throw error;
  }
}

function detachedArgv(ctx: CommandContext, home: string): string[] {
  return [
    "agent",
    "--home",
    home,
    ...ctx.flags.values("listen").flatMap((address) => ["--listen", address]),
    ...ctx.flags.values("announce").flatMap((address) => ["--announce", address]),
    ...(ctx.flags.on("no-mdns") ? ["--no-mdns"] : []),
    ...secretsFlags(ctx),
    ...copiesArgv(ctx),
    ...backupArgv(ctx),
    ...(ctx.globals.debug ? ["--debug"] : []),
    ...(ctx.globals.quiet ? ["--quiet"] : []),
  ];
}

function secretsFlags(ctx: CommandContext): string[] {
  const wish = ctx.flags.value("secrets-dir");
  return [
    ...(wish === undefined ? [] : ["--secrets-dir", wish === "none" ? wish : resolve(ctx.io.cwd, wish)]),
    ...(ctx.flags.on("secrets-on-disk") ? ["--secrets-on-disk"] : []),
  ];
}

function copiesArgv(ctx: CommandContext): string[] {
  const { secretCopies } = copiesOf(ctx);
  return secretCopies === undefined ? [] : ["--secret-copies", `age:${secretCopies}`];
}

/** Paths are those of the caller, and the agent stands elsewhere. */
function backupArgv(ctx: CommandContext): string[] {
  const place = ctx.flags.value("backup");
  const address = place === undefined ? null : placeHere(ctx, place);
  const credentials = credentialsHere(ctx);
  return [
    ...(address === null ? [] : ["--backup", address.kind === "dir" ? `dir:${address.path}` : (place ?? "")]),
    ...["backup-every", "backup-keep"].flatMap((flag) =>
      ctx.flags.values(flag).flatMap((value) => [`--${flag}`, value]),
    ),
    ...(credentials === undefined ? [] : ["--s3-credentials", credentials]),
  ];
}

/** `answers` once its socket does and its note is written, by which `lab agent stop` finds it. */
async function untilAnswers(
  ctx: CommandContext,
  home: string,
  pid: number | undefined,
  ended: Promise<number>,
): Promise<number | "answers"> {
  const { timeoutMs } = ctx.globals;
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += POLL_MS) {
    const code = await Promise.race([ended, sleep(POLL_MS, undefined)]);
    if (code !== undefined) return code;
    if (readPid(home) === pid && (await answers(home))) return "answers";
  }
  throw new LabError("Timeout", `the agent did not answer within ${timeoutMs / 1000} s; it goes on starting`, {
    hint: `${commandPrefix(ctx, "here")} agent logs`,
  });
}

function logs(ctx: CommandContext, home: string): number {
  let text: string;
  try {
    text = readFileSync(logFileOf(home), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new LabError("NotFound", `there is no log in ${home}`, {
      hint: "an agent that was not started with --detach logs to its own stderr",
    });
  }
  ctx.print(lastLines(text, ctx.flags.value("lines")));
  return 0;
}

function lastLines(text: string, wish: string | undefined): string {
  if (wish === undefined) return text;
  if (!/^[1-9]\d{0,8}$/.test(wish)) {
    throw new LabError("Usage", `--lines cannot be "${wish}"`, { field: "lines", hint: "a whole number above zero" });
  }
  const lines = text.split("\n").slice(0, -1).slice(-Number(wish));
  return lines.map((line) => `${line}\n`).join("");
}

function logFileOf(home: string): string {
  return join(home, "log", "agent.log");
}
