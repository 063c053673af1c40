import { spawn } from "node:child_process";

/** What a program of the system answered. */
export interface ToolAnswer {
  /** Null if it is not installed, or did not end by itself. */
  readonly exit: number | null;
  readonly stdout: Buffer;
  /** The end of what it complained of, in one line. */
  readonly complaint: string;
}

export interface ToolOptions {
  /** On its standard input: never in its arguments, which everybody on the machine can read. */
  readonly input?: Uint8Array;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const MOST_BYTES = 4 * 1024 * 1024;
/** The agent's own environment is none of a tool's business. */
const ENVIRONMENT = ["PATH", "LANG", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"];

/** Runs a program of the system to its end; it throws nothing. */
export function runTool(command: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolAnswer> {
  const { input, timeoutMs = TIMEOUT_MS } = options;
  const env = { ...Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]])), ...options.env };
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, cwd: "/", stdio: ["pipe", "pipe", "pipe"], timeout: timeoutMs });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    const keep = (chunks: Buffer[]) => (chunk: Buffer) => {
      if (chunks.reduce((sum, { length }) => sum + length, 0) < MOST_BYTES) chunks.push(chunk);
    };
    child.stdout.on("data", keep(stdout));
    child.stderr.on("data", keep(stderr));
    // It may end without reading what it was given.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.once("error", (error) => resolve({ exit: null, stdout: Buffer.alloc(0), complaint: error.message }));
    child.once("close", (exit) => {
      const lines = Buffer.concat(stderr).toString("utf8").trim().split("\n");
      resolve({ exit, stdout: Buffer.concat(stdout), complaint: lines.at(-1) ?? "" });
      for (const chunk of stdout) chunk.fill(0);
    });
  });
}
