import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";

export interface ProcessCost {
  readonly rssMiB: number;
  /** Resident memory with shared pages divided among those who share them. */
  readonly pssMiB: number;
  readonly cpuS: number;
}

let ticks = 0;

/** What the kernel says of a process. */
export function measure(pid: number): ProcessCost {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(rollup)?.[1]) / 1024;
  // The name in parentheses may hold anything; what follows it is numbers.
  const numbers = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  ticks ||= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  return {
    rssMiB: field("Rss"),
    pssMiB: field("Pss"),
    cpuS: (Number(numbers[11]) + Number(numbers[12])) / ticks,
  };
}

/** Resident memory of the libp2p stack without anything above it. */
export interface BareCost {
  /** In gossip with as many peers as an agent. */
  readonly connectedMiB: number;
  /** Connected to nobody. */
  readonly aloneMiB: number;
}

/** The same transports and gossip, bundled as the agent is, because a bundle is smaller than its packages. */
export async function bareLibp2p(): Promise<BareCost> {
  const directory = mkdtempSync(join(tmpdir(), "lab-bench-bare-"));
  const outfile = join(directory, "bare.mjs");
  const entryPoints = [join(import.meta.dirname, "bare-libp2p.ts")];
  const banner = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };
  await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", minifySyntax: true, banner });
  const children: ChildProcess[] = [];
  const start = (argv: readonly string[]): Promise<string> => {
    const child = spawn(process.execPath, [outfile, ...argv], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    return new Promise((resolve) => child.stdout.once("data", (line: Buffer) => resolve(line.toString().trim())));
  };
  try {
    await start((await start([])).split(" "));
    await start(["alone"]);
    await sleep(10_000);
    const [, connected, alone] = children.map(({ pid }) => measure(pid as number).rssMiB);
    return { connectedMiB: connected as number, aloneMiB: alone as number };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}
