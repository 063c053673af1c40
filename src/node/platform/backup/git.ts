import { spawn } from "node:child_process";
import { BackupPlaceError } from "../../../core/backup/errors.ts";
import { withoutPassword } from "../../../core/backup/place.ts";

/** What runs a program besides Git's own is off; whoever would be asked a question gets an error instead. */
const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "protocol.ext.allow=never",
  "credential.interactive=false",
  "gc.auto=0",
  "maintenance.auto=false",
].flatMap((setting) => ["-c", setting]);

/** A transfer of a first backup over a slow line; a server that says nothing is given up long before. */
const TIMEOUT_MS = 600_000;
const STALLED = { GIT_HTTP_LOW_SPEED_LIMIT: "1", GIT_HTTP_LOW_SPEED_TIME: "30" };

export class GitError extends Error {
  readonly said: string;

  constructor(said: string) {
    super(said);
    this.said = said;
  }
}

/** The real Git on a repository of ours, without a shell. */
export class Git {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async text(args: readonly string[], input?: string | Uint8Array, env?: Readonly<Record<string, string>>) {
    return (await this.run(args, input, env)).toString("utf8").trim();
  }

  /** What it wrote to standard output. Throws {@link GitError} with what it said when it fails. */
  run(args: readonly string[], input: string | Uint8Array = "", env: Readonly<Record<string, string>> = {}) {
    return new Promise<Buffer>((resolve, reject) => {
      const child = spawn("git", [...SETTINGS, ...args], {
        cwd: this.#directory,
        env: environment(env),
        stdio: ["pipe", "pipe", "pipe"],
        timeout: TIMEOUT_MS,
      });
      const [out, said]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on("data", (part: Buffer) => out.push(part));
      child.stderr.on("data", (part: Buffer) => said.push(part));
      // A command that fails early does not read its input.
      child.stdin.on("error", () => undefined);
      child.once("error", (cause: NodeJS.ErrnoException) => {
        const isMissing = cause.code === "ENOENT";
        reject(isMissing ? noGit(cause) : cause);
      });
      child.once("close", (code, signal) => {
        if (code === 0) resolve(Buffer.concat(out));
        else reject(new GitError(sentenceOf(Buffer.concat(said).toString("utf8"), signal)));
      });
      child.stdin.end(input);
    });
  }
}

function noGit(cause: Error): BackupPlaceError {
  return new BackupPlaceError("git is not installed on this machine", { hint: "install git" }, { cause });
}

function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  // Where the command was typed there may be a repository, whose settings are not ours.
  const own = Object.entries(process.env).filter(
    ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|NAMESPACE)$/.test(name),
  );
  return {
    GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o ConnectTimeout=20",
    ...Object.fromEntries(own),
    ...STALLED,
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS_REQUIRE: "never",
    LC_ALL: "C",
    ...more,
  };
}

/** What Git says below every failure of a transport; the line before says which one it was. */
const ADVICE =
  /^(Please make sure you have the correct access rights|and the repository exists\.|Could not read from remote repository\.|Warning: Permanently added .*)$/;

/** The last lines are those that say why. */
function sentenceOf(said: string, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `git was ended by ${signal}`;
  const lines = said
    .split(/[\r\n]+/)
    .map((line) => line.replace(/^(fatal|error|remote): */, "").trim())
    .filter((line) => line !== "" && !line.startsWith("hint:"));
  const reasons = lines.filter((line) => !ADVICE.test(line));
  const told = reasons.length > 0 ? reasons : lines;
  return withoutPassword(told.slice(-2).join("; ")) || "git failed without a word";
}
