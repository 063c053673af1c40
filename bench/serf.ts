import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "./ports.ts";

/** The rival: serf from Debian, unpacked where the user's caches are and never installed. Null where it cannot be had. */
export function findSerf(): string | null {
  for (const directory of (process.env.PATH ?? "").split(":")) {
    if (existsSync(join(directory, "serf"))) return join(directory, "serf");
  }
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "lab-bench");
  const binary = join(cache, "serf/usr/bin/serf");
  if (existsSync(binary)) return binary;
  const download = mkdtempSync(join(tmpdir(), "lab-bench-serf-"));
  try {
    execFileSync("apt-get", ["download", "serf"], { cwd: download, stdio: "ignore" });
    const [archive] = readdirSync(download);
    mkdirSync(join(cache, "serf"), { recursive: true });
    execFileSync("dpkg", ["-x", join(download, archive ?? ""), join(cache, "serf")], { stdio: "ignore" });
  } catch {
    return null;
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
  return existsSync(binary) ? binary : null;
}

/** Milliseconds from the command to the last agent that reports the event, for each of `events`. */
export async function serfSpread(serf: string, agents: number, events: number): Promise<number[]> {
  const seen = new Map<string, number[]>();
  const fleet = await SerfFleet.start(serf, agents, (_by, text) => {
    const at = performance.now();
    for (const [, name = ""] of text.matchAll(/user-event: (bench-\d+)/g)) {
      seen.set(name, [...(seen.get(name) ?? []), at]);
    }
  });
  try {
    const spreads: number[] = [];
    for (let event = 0; event < events; event++) {
      const name = `bench-${event}`;
      const begin = performance.now();
      fleet.tell(event % agents, name);
      spreads.push((await lastOf(() => seen.get(name) ?? [], agents)) - begin);
      await sleep(200);
    }
    return spreads;
  } finally {
    fleet.end();
  }
}

/** For each of the first `count` members after the first: seconds from SIGSTOP until every agent that runs reports it. */
export async function serfLosses(serf: string, agents: number, count: number): Promise<number[]> {
  const lost = new Map<string, Map<number, number>>();
  const fleet = await SerfFleet.start(serf, agents, (by, text) => {
    for (const [, name = ""] of text.matchAll(/EventMemberFailed: (\S+)/g)) {
      const seen = lost.get(name) ?? new Map<number, number>();
      lost.set(name, seen);
      if (!seen.has(by)) seen.set(by, performance.now());
    }
  });
  try {
    const took: number[] = [];
    for (let victim = 1; victim <= count; victim++) {
      const begin = performance.now();
      fleet.stop(victim);
      const running = Array.from({ length: agents }, (_, i) => i).filter((i) => i === 0 || i > victim);
      const seen = (): number[] => running.flatMap((by) => lost.get(`node-${victim}`)?.get(by) ?? []);
      while (seen().length < running.length) {
        if (performance.now() - begin > LOSS_MS) throw new Error(`serf has not noticed node-${victim} everywhere`);
        await sleep(5);
      }
      took.push((Math.max(...seen()) - begin) / 1000);
      await sleep(2000);
    }
    return took;
  } finally {
    fleet.end();
  }
}

/** Many times what serf needs. */
const LOSS_MS = 60_000;

/** serf's agents as they come, on loopback, and what each of them logs. */
class SerfFleet {
  readonly #serf: string;
  readonly #ports: readonly number[];
  readonly #agents: ChildProcess[] = [];
  readonly #monitors: ChildProcess[] = [];

  private constructor(serf: string, ports: readonly number[]) {
    this.#serf = serf;
    this.#ports = ports;
  }

  /** Resolves when they have found each other and every one of them is heard. */
  static async start(serf: string, agents: number, heard: (by: number, text: string) => void): Promise<SerfFleet> {
    const ports = await freePorts(2 * agents);
    const fleet = new SerfFleet(serf, ports);
    try {
      for (let i = 0; i < agents; i++) {
        const join_ = i === 0 ? [] : [`-retry-join=127.0.0.1:${ports[0]}`, "-retry-interval=1s"];
        const bind = `-bind=127.0.0.1:${ports[i]}`;
        const argv = ["agent", `-node=node-${i}`, bind, fleet.#rpc(i), "-log-level=warn", ...join_];
        fleet.#agents.push(spawn(serf, argv, { stdio: "ignore" }));
      }
      await whole(serf, agents, (i) => fleet.#rpc(i));
      for (let i = 0; i < agents; i++) {
        const argv = ["monitor", "-log-level=info", fleet.#rpc(i)];
        const monitor = spawn(serf, argv, { stdio: ["ignore", "pipe", "ignore"] });
        monitor.stdout.setEncoding("utf8");
        monitor.stdout.on("data", (text: string) => heard(i, text));
        fleet.#monitors.push(monitor);
      }
      await sleep(1000);
      return fleet;
    } catch (error) {
      fleet.end();
      throw error;
    }
  }

  tell(through: number, event: string): void {
    spawn(this.#serf, ["event", "-coalesce=false", this.#rpc(through), event], { stdio: "ignore" });
  }

  /** Stands still from now on. */
  stop(agent: number): void {
    this.#agents[agent]?.kill("SIGSTOP");
  }

  end(): void {
    for (const child of [...this.#agents, ...this.#monitors]) child.kill("SIGKILL");
  }

  #rpc(agent: number): string {
    return `-rpc-addr=127.0.0.1:${this.#ports[this.#ports.length / 2 + agent]}`;
  }
}

async function whole(serf: string, agents: number, rpc: (i: number) => string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    await sleep(200);
    try {
      const members = execFileSync(serf, ["members", "-status=alive", rpc(agents - 1)], { encoding: "utf8" });
      if (members.trim().split("\n").length === agents) return;
    } catch {
      // Not listening yet.
    }
  }
  throw new Error("serf's agents did not find each other");
}

/** The time of the last of `count` sightings. Throws after ten seconds. */
export async function lastOf(sightings: () => readonly number[], count: number): Promise<number> {
  const until = performance.now() + 10_000;
  while (sightings().length < count) {
    if (performance.now() > until) throw new Error(`${sightings().length} of ${count} saw it within 10 s`);
    await sleep(2);
  }
  return Math.max(...sightings());
}
