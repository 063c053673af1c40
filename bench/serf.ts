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
  const ports = await freePorts(2 * agents);
  const children: ChildProcess[] = [];
  const rpc = (i: number): string => `-rpc-addr=127.0.0.1:${ports[agents + i]}`;
  const seen = new Map<string, number[]>();
  try {
    for (let i = 0; i < agents; i++) {
      const join_ = i === 0 ? [] : [`-retry-join=127.0.0.1:${ports[0]}`, "-retry-interval=1s"];
      const argv = ["agent", `-node=node-${i}`, `-bind=127.0.0.1:${ports[i]}`, rpc(i), "-log-level=warn", ...join_];
      children.push(spawn(serf, argv, { stdio: "ignore" }));
    }
    await whole(serf, agents, rpc);
    for (let i = 0; i < agents; i++) {
      const monitor = spawn(serf, ["monitor", "-log-level=info", rpc(i)], { stdio: ["ignore", "pipe", "ignore"] });
      monitor.stdout.setEncoding("utf8");
      monitor.stdout.on("data", (text: string) => {
        const at = performance.now();
        for (const [, name = ""] of text.matchAll(/user-event: (bench-\d+)/g)) {
          seen.set(name, [...(seen.get(name) ?? []), at]);
        }
      });
      children.push(monitor);
    }
    await sleep(1000);
    const spreads: number[] = [];
    for (let event = 0; event < events; event++) {
      const name = `bench-${event}`;
      const begin = performance.now();
      spawn(serf, ["event", "-coalesce=false", rpc(event % agents), name], { stdio: "ignore" });
      spreads.push((await lastOf(() => seen.get(name) ?? [], agents)) - begin);
      await sleep(200);
    }
    return spreads;
  } finally {
    for (const child of children) child.kill("SIGKILL");
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
