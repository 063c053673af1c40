import { readFile, readlink, readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { isSealedText } from "./home.ts";
import { isTpmUsable, parseMachineKey, type Sealing } from "./machine-key.ts";

/** What the machine says about a home and about the process that asks. Nothing in it is secret. */
export interface HomeFacts {
  readonly home: string;
  /** The user that the process runs as. */
  readonly uid: number;
  readonly files: readonly FileFact[];
  readonly space: { readonly freeBytes: number; readonly totalBytes: number } | null;
  /** - `unknown`: the kernel does not say what the file system lies on */
  readonly encryption: "encrypted" | "plain" | "unknown";
  readonly machineKey: MachineKeyFacts;
  /** Bytes that a dump of this process may have; null where the kernel does not say. */
  readonly coreDumpBytes: number | null;
}

export interface MachineKeyFacts {
  /** - `unknown`: it cannot be read */
  readonly sealing: Sealing | "systemd-creds with a TPM" | "unknown";
  /** Keys beside a sealed one that lie there as they are. */
  readonly open: readonly string[];
  /** Whether this machine has a TPM that this user may use. */
  readonly tpm: "usable" | "none";
}

export interface FileFact {
  /** Below the home; empty for the home itself. */
  readonly name: string;
  /** Its lower nine bits; null when it is missing. */
  readonly mode: number | null;
  /** What it may be at most. */
  readonly mostMode: number;
  readonly uid: number | null;
}

/** Everything below the home that only its owner may read. */
const OWNERS_ONLY: readonly (readonly [name: string, mostMode: number, presence?: "optional"])[] = [
  ["", 0o700],
  ["keys", 0o700],
  ["keys/node.key", 0o600],
  ["keys/seal.key", 0o600],
  ["keys/machine.key", 0o600],
  ["keys/mesh.psk", 0o600, "optional"],
];

export async function readHomeFacts(home: string): Promise<HomeFacts> {
  const [found, space, encryption, coreDumpBytes, machineKey] = await Promise.all([
    Promise.all(OWNERS_ONLY.map(([name, mostMode]) => readMode(home, name, mostMode))),
    readSpace(home),
    readEncryption(home),
    readCoreLimit(),
    readMachineKeyFacts(home),
  ]);
  const files = found.filter(({ mode }, i) => mode !== null || OWNERS_ONLY[i]?.[2] !== "optional");
  return { home, uid: process.getuid?.() ?? 0, files, space, encryption, coreDumpBytes, machineKey };
}

async function readMachineKeyFacts(home: string): Promise<MachineKeyFacts> {
  const read = (name: string) => readFile(join(home, "keys", name), "ascii").catch(() => "");
  const [machine, ...others] = await Promise.all(["machine.key", "node.key", "seal.key"].map(read));
  const file = parseMachineKey(machine ?? "");
  const tpm = (await isTpmUsable()) ? "usable" : "none";
  if (file === null) return { sealing: "unknown", open: [], tpm };
  if (file.state === "open") return { sealing: "file", open: [], tpm };
  const open = ["node.key", "seal.key"].filter((_, i) => !isSealedText(others[i] ?? ""));
  const { sealed } = file;
  const byTpm = sealed.with === "systemd-creds" && sealed.key === "tpm2";
  return { sealing: byTpm ? "systemd-creds with a TPM" : sealed.with, open, tpm };
}

async function readMode(home: string, name: string, mostMode: number): Promise<FileFact> {
  try {
    const { mode, uid } = await stat(join(home, name));
    return { name, mode: mode & 0o777, mostMode, uid };
  } catch {
    return { name, mode: null, mostMode, uid: null };
  }
}

async function readSpace(path: string): Promise<HomeFacts["space"]> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}

/** Whether a layer of dm-crypt lies below the file system: the kernel's names of the devices tell. */
async function readEncryption(path: string): Promise<HomeFacts["encryption"]> {
  try {
    const { dev } = await stat(path);
    // As glibc's makedev(3) packs them.
    const major = ((dev >> 8) & 0xfff) | (Math.floor(dev / 2 ** 32) & ~0xfff);
    const minor = (dev & 0xff) | (Math.floor(dev / 2 ** 12) & ~0xff);
    if (major === 0) return "unknown";
    const device = await readlink(`/sys/dev/block/${major}:${minor}`);
    return (await isEncrypted(join("/sys/dev/block", device))) ? "encrypted" : "plain";
  } catch {
    return "unknown";
  }
}

async function isEncrypted(device: string): Promise<boolean> {
  const uuid = await readFile(join(device, "dm/uuid"), "utf8").catch(() => "");
  if (uuid.startsWith("CRYPT-")) return true;
  const below = await readdir(join(device, "slaves")).catch(() => []);
  for (const slave of below) if (!(await isEncrypted(join(device, "slaves", slave)))) return false;
  return below.length > 0;
}

async function readCoreLimit(): Promise<number | null> {
  try {
    const limits = await readFile("/proc/self/limits", "utf8");
    const soft = /^Max core file size\s+(\S+)/m.exec(limits)?.[1];
    if (soft === undefined) return null;
    return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return null;
  }
}
