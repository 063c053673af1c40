import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { atLeast, atMost, type Figure, median } from "./figure.ts";
import { LAB } from "./fleet.ts";

const SECRETS = 100;
const BOOTS = 50;
const READS = 2000;
const BOOT_MOST_MS = 2000;
const WAIT_MOST_MS = 60_000;

/**
 * A machine that boots while nobody else is there, and what a read of its cache costs. Mounts memory, as an agent of
 * root does: run by root.
 */
export async function deliveryFigures(note: (text: string) => void): Promise<Figure[]> {
  if (process.getuid?.() !== 0) {
    note("delivery needs root, to mount memory: left out");
    return [];
  }
  const root = mkdtempSync(join(tmpdir(), "lab-bench-delivery-"));
  const machine = new Machine(root);
  try {
    await machine.fill();
    const boots: number[] = [];
    let complete = 0;
    for (let i = 0; i < BOOTS; i++) {
      const { tookMs, placed } = await machine.boot();
      boots.push(tookMs);
      if (placed === SECRETS && tookMs <= BOOT_MOST_MS) complete++;
    }
    const reads = await machine.reads();
    const slowest = Math.max(...boots) / 1000;
    const how = `from exec to READY=1 with memory empty and every store dead; median ${median(boots).toFixed(0)} ms`;
    return [
      atLeast(`boots with ${SECRETS} secrets in place at READY within 2 s`, complete, `of ${BOOTS}`, BOOTS, how),
      atMost(`slowest boot with ${SECRETS} secrets`, slowest, "s", BOOT_MOST_MS / 1000, `of ${BOOTS}`),
      atMost(
        "read of a cached secret through the socket, p50",
        median(reads),
        "ms",
        2,
        `${READS} reads, one connection`,
      ),
    ];
  } finally {
    await machine.end();
    rmSync(root, { recursive: true, force: true });
  }
}

class Machine {
  readonly #root: string;
  readonly #env: Record<string, string>;
  readonly #secrets: string;
  #agent: ChildProcess | null = null;

  constructor(root: string) {
    this.#root = root;
    this.#secrets = join(root, "secrets");
    this.#env = {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: root,
      LAB_HOME: join(root, "web-1"),
      LAB_CONFIG: join(root, "operator"),
    };
  }

  /** A store that gives it its secrets, and then is no more. */
  async fill(): Promise<void> {
    const nas = { LAB_HOME: join(this.#root, "nas-1") };
    this.#lab(["init", "--local", "--node", "nas-1", "--recovery", "later"], nas);
    this.#lab(["agent", "--detach", "--listen", "127.0.0.1:0", "--no-mdns"], nas);
    try {
      const paths = Array.from({ length: SECRETS }, (_, i) => `web/key-${i}`);
      const token = this.#lab(["token", "create", "--name", "web-1", "--labels", "web"], nas).trim();
      this.#lab(["join", token]);
      this.#lab(["agent", "--detach", "--listen", "127.0.0.1:0", "--no-mdns"]);
      const declared = join(this.#root, "declared.yaml");
      writeFileSync(declared, `labels: { web: { secrets: [${paths.join(", ")}] } }`);
      this.#lab(["apply", "-f", declared], nas);
      const value = join(this.#root, "value");
      writeFileSync(value, "x".repeat(1024));
      for (const path of paths) this.#lab(["secret", "set", path, "--from-file", value], nas);
      const deadline = performance.now() + WAIT_MOST_MS;
      const isCached = () => (this.#lab(["secret", "cache", "-o", "csv"]).match(/,fresh,/g) ?? []).length === SECRETS;
      while (!isCached()) {
        if (performance.now() > deadline) throw new Error("the machine has not got its secrets");
        await sleep(200);
      }
    } finally {
      this.#lab(["agent", "stop"], nas);
      this.#lab(["agent", "stop"]);
    }
  }

  async boot(): Promise<{ readonly tookMs: number; readonly placed: number }> {
    await this.#powerCut();
    const notify = join(this.#root, "notify");
    rmSync(notify, { force: true });
    const receiver = spawn("perl", ["-e", RECEIVER, notify], { stdio: ["ignore", "pipe", "inherit"] });
    const heard = new Promise<string>((resolve) => {
      let said = "";
      receiver.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString("latin1");
        if (said.includes("READY=1")) resolve(said);
      });
      receiver.once("close", () => resolve(said));
    });
    while (!readdirSync(this.#root).includes("notify")) await sleep(5);
    const began = performance.now();
    this.#agent = spawn(LAB, ["agent", "--listen", "127.0.0.1:0", "--no-mdns", "--secrets-dir", this.#secrets], {
      env: { ...this.#env, NOTIFY_SOCKET: notify },
      stdio: "ignore",
    });
    await heard;
    const tookMs = performance.now() - began;
    return { tookMs, placed: readdirSync(join(this.#secrets, "web")).length };
  }

  async reads(): Promise<number[]> {
    const socketPath = join(this.#env["LAB_HOME"] ?? "", "run/secrets.sock");
    const tookMs: number[] = [];
    for (let i = 0; i < READS; i++) {
      const began = performance.now();
      await new Promise<void>((resolve, reject) => {
        const asked = request({ socketPath, path: `/v1/secret-values/web/key-${i % SECRETS}` }, (answer) => {
          answer.resume();
          answer.once("end", resolve);
        });
        asked.once("error", reject);
        asked.end();
      });
      tookMs.push(performance.now() - began);
    }
    return tookMs;
  }

  async end(): Promise<void> {
    await this.#powerCut();
  }

  /** The agent has no moment to do anything, and memory is empty. */
  async #powerCut(): Promise<void> {
    const agent = this.#agent;
    this.#agent = null;
    if (agent !== null && agent.exitCode === null) {
      const ended = new Promise((resolve) => agent.once("exit", resolve));
      agent.kill("SIGKILL");
      await ended;
    }
    mkdirSync(this.#secrets, { recursive: true });
    while (readFileSync("/proc/self/mountinfo", "utf8").includes(` ${this.#secrets} `)) {
      // The kernel lets go of a killed agent's sockets a moment later.
      if (spawnSync("umount", [this.#secrets]).status !== 0) await sleep(20);
    }
  }

  #lab(words: readonly string[], env: Record<string, string> = {}): string {
    return execFileSync(LAB, words, {
      env: { ...this.#env, ...env },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}

const RECEIVER = `
use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, pack_sockaddr_un($ARGV[0])) or die;
$| = 1; alarm 30;
while (1) { recv($s, my $m, 4096, 0); print "$m\\n"; exit 0 if $m =~ /READY=1/; }`;
