import { mkdir, readdir, readFile, realpath, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "../../core/errors.ts";
import { DeliveryFailedError } from "../../core/ports/secret-directory.ts";
import { runTool } from "./run-tool.ts";

/**
 * On what a directory lies:
 * - `never-swapped`: in memory that the kernel never writes to a disk (tmpfs with `noswap`, ramfs)
 * - `memory`: in memory that may be swapped out
 * - `disk`: what is deleted there can be found again
 */
export type Ground = "never-swapped" | "memory" | "disk";

/** Of statfs(2). */
const TMPFS = 0x01021994;
const RAMFS = 0x858458f6;
const MODE = "0711";
const SIZE = "64m";

/**
 * Makes the directory that secrets are put into, and puts memory below it where this process may mount. Throws
 * `DeliveryFailed` for one that lies on a disk, unless that was asked for.
 */
export async function prepareSecretPlace(root: string, disk: "refused" | "accepted"): Promise<Ground> {
  try {
    await mkdir(root, { recursive: true, mode: 0o711 });
  } catch (cause) {
    const { message } = cause as NodeJS.ErrnoException;
    throw new DeliveryFailedError(message, "run the agent as root, or give it another: --secrets-dir DIR", { cause });
  }
  let ground = await groundOf(root);
  if (ground !== "never-swapped" && (await isMountable(root))) {
    await mountMemory(root);
    ground = await groundOf(root);
  }
  if (ground !== "disk" || disk === "accepted") return ground;
  throw new DeliveryFailedError(
    `${root} lies on a disk, where what was deleted can be found again`,
    "a directory of a tmpfs, or run the agent as root, which mounts one; --secrets-on-disk if that is meant",
  );
}

export async function groundOf(root: string): Promise<Ground> {
  const { type } = await statfs(root);
  // A kernel of 32 bits gives the number with its sign.
  const kind = type >>> 0;
  if (kind === RAMFS) return "never-swapped";
  if (kind !== TMPFS) return "disk";
  return (await superOptions(root)).includes("noswap") ? "never-swapped" : "memory";
}

/** The options of the file system that a path lies on: proc(5), mountinfo; found by device, as bind mounts share it. */
async function superOptions(path: string): Promise<string[]> {
  const { dev } = await stat(path);
  // As glibc's makedev(3) packs them.
  const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  const lines = (await readFile("/proc/self/mountinfo", "utf8").catch(() => "")).split("\n");
  const line = lines.find((one) => one.split(" ")[2] === device);
  return line?.split(" - ")[1]?.split(" ")[2]?.split(",") ?? [];
}

/** Only over a directory of its own that nobody has put anything into. */
async function isMountable(root: string): Promise<boolean> {
  if (process.geteuid?.() !== 0) return false;
  return (await realpath(root)) === root && (await readdir(root)).length === 0;
}

/** Where neither works, what was there stays as it is: it is judged afterwards. */
async function mountMemory(root: string): Promise<void> {
  const common = `nosuid,nodev,noexec,mode=${MODE}`;
  const { exit } = await runTool("mount", ["-t", "tmpfs", "-o", `${common},noswap,size=${SIZE}`, "lab-secrets", root]);
  // Kernels before 6.4 know no noswap; ramfs is never swapped, and has neither a size nor access lists.
  if (exit !== 0) await runTool("mount", ["-t", "ramfs", "-o", common, "lab-secrets", root]);
}

/** Two agents would take away each other's files. Throws `AlreadyExists`. */
export async function claimSecretPlace(root: string, home: string): Promise<void> {
  const note = `${root}/..home`;
  const owner = await readFile(note, "utf8").catch(() => null);
  if (owner === null) return writeFile(note, `${home}\n`, { mode: 0o600 });
  if (owner.trim() === home) return;
  throw new LabError("AlreadyExists", `${root} holds the secrets of the agent of ${owner.trim()}`, {
    hint: `give this one another: --secrets-dir DIR; or rm ${note}, if that home is gone`,
  });
}

/** Takes away what an agent of this home put there. A place that is another home's by now is left alone. */
export async function clearSecretPlace(root: string, home: string): Promise<void> {
  const owner = await readFile(`${root}/..home`, "utf8").catch(() => null);
  if (owner?.trim() !== home) return;
  // The note last: interrupted, it can be done again.
  const names = (await readdir(root)).filter((name) => name !== "..home");
  for (const name of [...names, "..home"]) await rm(join(root, name), { recursive: true, force: true });
}
