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

/** True if nobody listens on the address now. */
export function isFree(address: string): Promise<boolean> {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host, port: Number(address.slice(colon + 1)), exclusive: true }, () =>
      probe.close(() => resolve(true)),
    );
  });
}
