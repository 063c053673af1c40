import { constants } from "node:fs";
import { access, lstat, mkdir, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { arch, release, tmpdir, type } from "node:os";
import { join } from "node:path";
import { LabError } from "../../core/errors.ts";
import { runDirectoryName } from "../../core/run-directory.ts";

/** What this machine is, for the node's report. */
export function describeMachine(): { readonly os: string; readonly arch: string } {
  return { os: `${type()} ${release()}`, arch: arch() };
}

/** Who this process is, for files that nobody else is declared to own. */
export function processOwner(): { readonly uid: number; readonly gid: number } {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/** The kernel takes 107 bytes of path for a unix socket; some of them are kept for the name. */
const SOCKET_PATH_MOST = 100;

/**
 * Where a home's socket goes: into `run/`; where that path is too long, or nothing can be written there, into a
 * directory of this user's own. Throws `Failed` when somebody else was there first.
 */
export async function socketPath(home: string, name: string): Promise<string> {
  const run = join(home, "run");
  const usual = join(run, name);
  if (Buffer.byteLength(usual) <= SOCKET_PATH_MOST && !(await isReadOnly(run))) return usual;
  return join(await ownRunDirectory(home), name);
}

/** Makes the directory, too: a home that was copied or swept has none. */
async function isReadOnly(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await access(path, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EROFS";
  }
}

async function ownRunDirectory(home: string): Promise<string> {
  const directory = join(process.env["XDG_RUNTIME_DIR"] || tmpdir(), runDirectoryName(await stat(home)));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Anybody can make a directory of that name first, and would own what is put into it.
  const found = await lstat(directory);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return directory;
  throw new LabError("Failed", `${directory} is not this user's alone, so no socket can be there`, {
    hint: "remove it, or choose another place: XDG_RUNTIME_DIR=DIR lab agent",
  });
}

/** True if this machine has the address and nobody listens there now. */
export function isFree(host: string, port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    // As the mesh listens: IPv4 and IPv6 are two sockets.
    probe.listen({ host, port, exclusive: true, ipv6Only: host.includes(":") }, () => probe.close(() => resolve(true)));
  });
}

/** A port on which nobody listened a moment ago. */
export function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", reject);
    probe.listen(0, () => {
      const { port } = probe.address() as { readonly port: number };
      probe.close(() => resolve(port));
    });
  });
}
