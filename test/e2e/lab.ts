import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { until } from "./until.ts";

export { until };

/*
 * Real commands and real agents, as somebody would type and start them: `bin/lab` in processes of its own, homes in a
 * directory that is gone afterwards, traffic on 127.0.0.1.
 */

const root = join(import.meta.dirname, "../..");
const program = join(root, "bin/lab");
const COMMAND_TIMEOUT_MS = 30_000;

/** What a command said and how it ended. */
export interface Heard {
  /** The exit code; -1 when a signal ended it. */
  readonly exit: number;
  readonly stdout: string;
  /** The same, byte for byte. */
  readonly bytes: Buffer;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** What an agent's socket answered. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A directory with everything that one test makes, and the processes that it starts. */
export class Lab {
  readonly root: string;
  readonly #pids = new Set<number>();
  readonly #machines: Machine[] = [];

  private constructor(directory: string) {
    this.root = directory;
  }

  static open(): Lab {
    buildIfStale();
    return new Lab(realpathSync(mkdtempSync(join(tmpdir(), "lab-e2e-"))));
  }

  /** A home, and the command line of somebody who works there. Machines with the same `config` share an operator. */
  machine(name: string, config = "operator"): Machine {
    const machine = new Machine(this, name, join(this.root, name), join(this.root, config));
    this.#machines.push(machine);
    return machine;
  }

  env(machine: { readonly home: string; readonly config: string }): Record<string, string> {
    const user = join(this.root, "user");
    mkdirSync(user, { recursive: true });
    return {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: user,
      USER: "alice",
      TMPDIR: this.root,
      NO_COLOR: "1",
      LAB_HOME: machine.home,
      LAB_CONFIG: machine.config,
    };
  }

  spawn(command: string, words: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess {
    const child = spawn(command, words, { env, cwd: this.root, stdio: ["pipe", "pipe", "pipe"] });
    const { pid } = child;
    if (pid === undefined) return child;
    this.track(pid);
    // Once it is collected, its number may be that of a process of somebody else.
    child.once("exit", () => this.#pids.delete(pid));
    return child;
  }

  /** Ends a process with the test, if it has not ended by then. One that could not be started has no number. */
  track(pid: number | undefined): void {
    if (pid !== undefined && pid > 1) this.#pids.add(pid);
  }

  /** Nothing that the test started runs on, nothing that it wrote stays. */
  async close(): Promise<void> {
    for (const { home } of this.#machines) {
      const pid = pidIn(home);
      // A detached agent whose start was not waited for is known by its note only.
      if (pid !== null && readCommandLine(pid).includes(home)) this.#pids.add(pid);
    }
    for (const pid of this.#pids) killHard(pid);
    await until("every process has ended", () => [...this.#pids].every((pid) => !isRunning(pid)));
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}

export class Machine {
  readonly name: string;
  readonly home: string;
  readonly config: string;
  /** Of the agent, as this process sees it. */
  socket: string;
  /** What its agent is started with. */
  agentFlags: readonly string[] = ["--listen", "127.0.0.1:0", "--no-mdns"];
  /** What stands before every command, such as the program that enters a namespace. */
  within: readonly string[] = [];
  readonly #lab: Lab;
  #agent: ChildProcess | null = null;
  #agentEnds: Promise<Heard> = Promise.reject(new Error("no agent was started"));

  constructor(lab: Lab, name: string, home: string, config: string) {
    this.#lab = lab;
    this.name = name;
    this.home = home;
    this.config = config;
    this.socket = join(home, "run/agent.sock");
    this.#agentEnds.catch(() => undefined);
  }

  /** Runs one command to its end, whatever that is. */
  async try(words: readonly string[], options: CommandOptions = {}): Promise<Heard> {
    return hear(this.start(words, options));
  }

  /** Runs a command that must do what it says. */
  async run(words: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { exit, stdout, stderr } = await this.try(words, options);
    expect(exit, `lab ${words.join(" ")}\n${stderr}`).toBe(0);
    return stdout;
  }

  /** The same in this process, as a hundred starts of a command would take a minute. */
  async tryHere(words: readonly string[]): Promise<Omit<Heard, "bytes">> {
    const { lab } = await import("../../src/cli/lab.ts");
    const [stdout, stderr]: [string[], string[]] = [[], []];
    const sink = (said: string[]) => ({ write: (text: string | Uint8Array) => said.push(String(text)) });
    const exit = await lab([...words, "--home", this.home], {
      stdin: process.stdin,
      stdout: sink(stdout),
      stderr: sink(stderr),
      env: { LAB_CONFIG: this.config },
      cwd: "/",
      uid: 0,
      columns: undefined,
      color: false,
      now: Date.now,
    });
    return { exit, stdout: stdout.join(""), stderr: stderr.join("") };
  }

  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.run([...words, "-o", "json"])) as T;
  }

  /** The command's process, for a test that does something to it. */
  start(words: readonly string[], { input = "", env }: CommandOptions = {}): ChildProcess {
    const [command = program, ...args] = [...this.within, program, ...words];
    const child = this.#lab.spawn(command, args, { ...this.#lab.env(this), ...env });
    // A command that fails early does not read what it was given.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
    return child;
  }

  /** The first member of a mesh, with its agent. */
  async found(meshName = "homelab"): Promise<void> {
    await this.run(["init", "--local", "--name", meshName, "--node", this.name, "--recovery", "later"]);
    await this.startAgent();
  }

  /** A token for one more machine. */
  async token(...words: string[]): Promise<string> {
    return (await this.run(["token", "create", ...words])).trim();
  }

  async join(token: string, ...words: string[]): Promise<void> {
    await this.run(["join", token, ...words]);
    await this.startAgent();
  }

  /** An agent in the foreground of its own process; resolves when it answers. */
  async startAgent(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const agent = this.start(["agent", ...this.agentFlags], { env });
    this.#agent = agent;
    const ended = hear(agent, 0);
    this.#agentEnds = ended;
    const outcome = await Promise.race([
      ended,
      until(`the agent of ${this.name} answers`, async () => (await this.ask("GET", "/healthz")).status === 200),
    ]);
    if (outcome !== undefined) throw new Error(`the agent of ${this.name} ended: ${outcome.stderr}`);
  }

  get agentPid(): number {
    const { pid } = this.#agent ?? {};
    if (pid === undefined) throw new Error(`no agent of ${this.name} was started`);
    return pid;
  }

  /** What the agent that {@link startAgent} started said, once it has ended. */
  get agentEnds(): Promise<Heard> {
    return this.#agentEnds;
  }

  /** True while the process that {@link startAgent} started has not ended. */
  get isAlive(): boolean {
    return this.#agent !== null && this.#agent.exitCode === null && this.#agent.signalCode === null;
  }

  /** As a power cut would: the agent has no moment to do anything. */
  async killAgent(): Promise<void> {
    if (!this.isAlive) return;
    killHard(this.agentPid);
    // Not when the signal is sent, and not when its first thread is gone: what it has open, the next one cannot open.
    await until("the agent is gone", () => !this.isAlive);
  }

  /** One request to the agent's socket; status 0 if nobody answers. */
  ask(method: string, path: string, body?: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
    const { socket } = this;
    return new Promise((resolve) => {
      const asked = request({ socketPath: socket, method, path, headers, timeout: 10_000 }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", () => undefined);
        answer.on("close", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const isJson = answer.headers["content-type"]?.startsWith("application/json") !== false;
          resolve({ status: answer.statusCode ?? 0, body: isJson ? parseJson(text) : text });
        });
      });
      asked.on("timeout", () => asked.destroy());
      asked.on("error", () => resolve({ status: 0, body: undefined }));
      asked.end(body);
    });
  }

  async servers(): Promise<readonly ServerItem[]> {
    const { body } = await this.ask("GET", "/v1/servers");
    return (body as { items: readonly ServerItem[] }).items;
  }

  async status(): Promise<StatusItem> {
    const { body } = await this.ask("GET", "/v1/status");
    return (body as { item: StatusItem }).item;
  }

  async stateHash(): Promise<string> {
    return (await this.status()).stateHash;
  }
}

export interface ServerItem {
  readonly name: string;
  readonly id: string;
  readonly labels: readonly string[];
  readonly roles: readonly string[];
  readonly [field: string]: unknown;
}

export interface StatusItem {
  readonly mesh: string;
  readonly stateHash: string;
  readonly members: number;
  readonly online: number;
  readonly [field: string]: unknown;
}

/** What a process says until it ends. A command has half a minute, an agent (0) as long as the test. */
export function hear(child: ChildProcess, timeoutMs = COMMAND_TIMEOUT_MS): Promise<Heard> {
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  const timer = timeoutMs > 0 ? setTimeout(() => child.kill("SIGKILL"), timeoutMs) : undefined;
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      const bytes = Buffer.concat(stdout);
      const said = Buffer.concat(stderr).toString("utf8");
      resolve({ exit: code ?? -1, stdout: bytes.toString("utf8"), bytes, stderr: said });
    });
  });
}

/** A refusal as the contract has it: this code, one line that says what is wrong, what to do next, and no stack. */
export function expectRefusal({ exit, stdout, stderr }: Heard, code: number, words: RegExp): void {
  expect(stderr).toMatch(words);
  expect({ exit, stdout, stderr }).toMatchObject({ exit: code, stdout: "" });
  const lines = stderr.trimEnd().split("\n");
  expect(
    lines.filter((line) => line.startsWith("error: ")),
    stderr,
  ).toHaveLength(1);
  expect(
    lines.filter((line) => line.startsWith("hint: ")),
    stderr,
  ).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at |fault in lab/m);
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A process that only waits to be collected has ended; one whose first thread does, while others go on, has not.
  const status = read(`/proc/${pid}/status`);
  return !/^State:\s+Z/m.test(status) || Number(/^Threads:\s+(\d+)/m.exec(status)?.[1]) > 1;
}

export function killHard(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** The process that a home's agent left a note of. */
export function pidIn(home: string): number | null {
  const pid = Number(read(join(home, "run/agent.pid")));
  return Number.isSafeInteger(pid) && pid > 1 ? pid : null;
}

function readCommandLine(pid: number): string {
  return `${read(`/proc/${pid}/cmdline`)}\0${read(`/proc/${pid}/environ`)}`;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `npm test` builds before it tests; whoever runs one file alone gets what its sources say, too. */
function buildIfStale(): void {
  const entry = join(root, "dist/lab.cjs");
  const builtMs = existsSync(entry) && existsSync(join(root, "dist/words.json")) ? statSync(entry).mtimeMs : 0;
  const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true });
  const newestMs = Math.max(
    ...sources
      .filter((file) => file.isFile())
      .map(({ parentPath, name }) => statSync(join(parentPath, name), { throwIfNoEntry: false })?.mtimeMs ?? 0),
  );
  if (newestMs < builtMs) return;
  for (const script of ["bundle", "words"])
    execFileSync(process.execPath, [join(root, `scripts/${script}.ts`)], { cwd: root });
}
