import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { arch, release, tmpdir, type, userInfo } from "node:os";
import { join } from "node:path";

/** What this machine is, for the node's report. */
export function describeMachine(): { readonly os: string; readonly arch: string } {
  return { os: `${type()} ${release()}`, arch: arch() };
}

/** The kernel takes 107 bytes of path for a unix socket; some of them are kept for the name. */
const SOCKET_PATH_MOST = 100;

/** Where a home's socket goes: into `run/`, or where that path is too long into a short directory of this user. */
export async function socketPath(home: string, name: string): Promise<string> {
  const usual = join(home, "run", name);
  if (Buffer.byteLength(usual) <= SOCKET_PATH_MOST) return usual;
  const short = createHash("sha256").update(home).digest("hex").slice(0, 16);
  const directory = join(tmpdir(), `lab-${userInfo().uid}-${short}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return join(directory, name);
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
