import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why there can be no chaos here, or null. */
export function whyNoChaos(): string | null {
  if (process.platform !== "linux") return "needs Linux, for network namespaces";
  const tools = { ip: "iproute2", tc: "iproute2", nft: "nftables", "mkfs.ext4": "e2fsprogs", perl: "perl" };
  for (const [tool, packageName] of Object.entries(tools)) {
    if (spawnSync(tool, ["-V"]).error !== undefined) return `${tool} (${packageName}) is not installed`;
  }
  const made = spawnSync("unshare", [...UNSHARE, "ip", "link", "add", "lab-probe", "type", "veth"]);
  if (made.error !== undefined) return "unshare (util-linux) is not installed";
  return made.status === 0 ? null : "needs root, for network namespaces and mounts";
}

const NEIGHBOURS = "net.ipv4.neigh.default.gc_thresh3";
/** The mole, the router, and strangers. */
const BESIDES = 12;

/**
 * Why the kernel cannot let so many machines find each other, or null. It has one table of neighbours for all network
 * namespaces together; when that is full, machines that are there cannot be reached.
 */
export function whyTooMany(agents: number): string | null {
  const needed = (agents + BESIDES) ** 2;
  const most = neighboursAtMost();
  if (most === null || most >= needed) return null;
  return `${agents} agents need room for ${needed} neighbours, and the kernel has it for ${most}: sysctl -w ${NEIGHBOURS}=${needed}`;
}

/** Null where the kernel does not say, as in a container. */
function neighboursAtMost(): number | null {
  try {
    return Number(readFileSync(join("/proc/sys", NEIGHBOURS.replaceAll(".", "/")), "utf8"));
  } catch {
    return null;
  }
}

/** Mounts, processes and the names of network namespaces of its own: whatever happens to its first process, they go with it. */
const UNSHARE = ["--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"];

const INTERRUPTED = 130;
const WITHIN = "LAB_CHAOS_DIRECTORY";

/** Where the run within the sandbox keeps its things; null outside of it. */
export function directoryWithin(): string | null {
  return process.env[WITHIN] ?? null;
}

/**
 * Runs this program again in a sandbox, with a directory that stays if it ends with anything but success. Ends it when this
 * process is interrupted or gone, however it went.
 */
export async function runInSandbox(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "lab-chaos-"));
  const child = spawn("unshare", [...UNSHARE, process.execPath, ...process.argv.slice(1)], {
    // What is open as its standard input closes with this process, even when that is killed.
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...process.env, [WITHIN]: directory },
  });
  const end = (): void => void child.stdin?.end();
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status) => resolve(status ?? INTERRUPTED));
  });
  if (code === 0 || code === INTERRUPTED) rmSync(directory, { recursive: true, force: true });
  return code;
}

/** To be called first within: names of network namespaces are its own, and it ends with whoever began it. */
export function settleIn(): void {
  mkdirSync("/run/netns", { recursive: true });
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "tmpfs", "/run/netns"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`mount: ${stderr}`);
  const end = (): never => process.exit(INTERRUPTED);
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  process.stdin.on("end", end).on("error", end).resume();
}
