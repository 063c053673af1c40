import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, cpSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, LAB } from "../../bench/fleet.ts";
import { cutPowerOf, makeImage, mountImage, unmount } from "../power/image.ts";
import type { Place } from "./plan.ts";
import type { Wire } from "./wire.ts";

const IMAGE_BYTES = 64 * 1024 * 1024;
const COMMAND_MS = 30_000;
const START_MS = 60_000;
const ANSWER_MS = 10_000;
const POLL_MS = 50;

/** The exit of a command that did not end in time. */
export const UNFINISHED = -1;

/** What a command said and how it ended. */
export interface Said {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerSeen {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly labels: readonly string[];
  readonly addresses: readonly string[];
}

export interface PeerSeen {
  readonly name: string;
  readonly online: string;
  readonly verdict?: string;
}

export interface StatusSeen {
  readonly stateHash: string;
  readonly members: number;
}

/** A machine with a network, a home on a disk of its own, and an agent as a process. */
export class Machine {
  readonly name: string;
  readonly place: Place;
  readonly wire: Wire;
  readonly home: string;
  readonly #directory: string;
  readonly #disk: string;
  #agent: ChildProcess | null = null;
  #state: "down" | "up" | "stopped" = "down";
  /** Called when an agent that nobody ended has ended. */
  readonly #fell: (how: string) => void;

  constructor(place: Place, wire: Wire, directory: string, fell: (how: string) => void) {
    this.name = place.name;
    this.place = place;
    this.wire = wire;
    this.#directory = directory;
    this.#fell = fell;
    this.#disk = join(directory, "disks", place.name);
    this.home = join(this.#disk, "home");
    mkdirSync(this.#disk, { recursive: true });
    if (place.disk === "image") {
      makeImage(this.#image, IMAGE_BYTES);
      mountImage(this.#image, this.#disk);
    }
  }

  get #image(): string {
    return `${this.#disk}.img`;
  }

  get socket(): string {
    return join(this.home, "run/agent.sock");
  }

  /** What its agents have said, one after the other. */
  get logFile(): string {
    return join(this.#directory, "logs", `${this.name}.log`);
  }

  /** `stopped` is a process that stands still. */
  get state(): "down" | "up" | "stopped" {
    return this.#state;
  }

  /** The process of the agent. */
  get pid(): number | null {
    return this.#agent?.pid ?? null;
  }

  /** A command as somebody types it at this machine, with the operator's keys that lie in `config`. */
  lab(config: string, words: readonly string[], { input = "", timeoutMs = COMMAND_MS } = {}): Promise<Said> {
    const child = this.#spawn(config, words, ["pipe", "pipe", "pipe"]);
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
    let [stdout, stderr] = ["", ""];
    child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        clearTimeout(timer);
        resolve({ exit: code ?? UNFINISHED, stdout, stderr });
      });
    });
  }

  /** Resolves when the agent answers. */
  async start(): Promise<void> {
    const log = openSync(this.logFile, "a");
    const agent = this.#spawn("nobody", ["agent"], ["ignore", log, log]);
    closeSync(log);
    this.#agent = agent;
    this.#state = "up";
    agent.once("exit", (code, signal) => {
      if (this.#agent === agent && this.#state !== "down") this.#fell(signal ?? `exit code ${code}`);
    });
    const untilMs = performance.now() + START_MS;
    while (this.#agent === agent) {
      const answers = await this.status().then(
        () => true,
        () => false,
      );
      if (answers) return;
      if (performance.now() > untilMs) throw new Error(`the agent of ${this.name} did not answer in ${START_MS} ms`);
      await sleep(POLL_MS);
    }
  }

  /** SIGKILL: the agent has no moment to do anything. */
  async kill(): Promise<void> {
    const agent = this.#agent;
    this.#agent = null;
    this.#state = "down";
    if (agent === null || agent.exitCode !== null || agent.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      agent.once("exit", () => resolve());
      agent.kill("SIGKILL");
    });
  }

  stop(): void {
    if (this.#state !== "up") return;
    this.#state = "stopped";
    this.#agent?.kill("SIGSTOP");
  }

  goOn(): void {
    if (this.#state !== "stopped") return;
    this.#state = "up";
    this.#agent?.kill("SIGCONT");
  }

  /** From one moment on nothing more gets to the disk. What had got there is copied, and lies in its place. */
  async losePower(): Promise<void> {
    cutPowerOf(this.#disk);
    await this.kill();
    unmount(this.#disk);
    const copy = `${this.#image}.copy`;
    cpSync(this.#image, copy);
    renameSync(copy, this.#image);
    mountImage(this.#image, this.#disk);
  }

  async end(): Promise<void> {
    await this.kill();
    this.wire.end();
    if (this.place.disk === "image") {
      unmount(this.#disk);
      rmSync(this.#image, { force: true });
    }
  }

  async status(): Promise<StatusSeen> {
    return ((await this.#ask("/v1/status")) as { item: StatusSeen }).item;
  }

  servers(): Promise<readonly ServerSeen[]> {
    return this.#list("servers");
  }

  peers(): Promise<readonly PeerSeen[]> {
    return this.#list("peers");
  }

  async #list<T>(kind: string): Promise<readonly T[]> {
    return ((await this.#ask(`/v1/${kind}`)) as { items: readonly T[] }).items;
  }

  async #ask(path: string): Promise<unknown> {
    const late = new AbortController();
    const silence = sleep(ANSWER_MS, undefined, { signal: late.signal }).then(
      () => Promise.reject(new Error(`${this.name} did not answer ${path} in ${ANSWER_MS} ms`)),
      () => undefined,
    );
    try {
      return await Promise.race([ask(this.socket, path), silence]);
    } finally {
      late.abort();
    }
  }

  #spawn(config: string, words: readonly string[], stdio: ("pipe" | "ignore" | number)[]): ChildProcess {
    const env = {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: this.#directory,
      TMPDIR: this.#directory,
      USER: config,
      NO_COLOR: "1",
      LAB_HOME: this.home,
      LAB_CONFIG: join(this.#directory, "people", config),
    };
    const [command = "", ...argv] = [...this.wire.cable.within, LAB, ...words];
    return spawn(command, argv, { env, cwd: this.#directory, stdio });
  }
}
