import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import { writeWhole } from "./home.ts";

/** libp2p's own form of such a file (github.com/libp2p/specs, pnet): a key of another program can be copied here. */
const HEAD = "/key/swarm/psk/1.0.0/\n/base16/\n";
const FORM = /^\/key\/swarm\/psk\/1[.]0[.]0\/\n\/base16\/\n([0-9a-f]{64})\n?$/;

export function preSharedKeyPath(home: string): string {
  return join(home, "keys", "mesh.psk");
}

/** What every connection of the home's mesh begins with; null where the mesh has no such key. Throws `InvalidFile`. */
export async function readPreSharedKey(home: string): Promise<Secret | null> {
  const path = preSharedKeyPath(home);
  let text: string;
  try {
    text = await readFile(path, "ascii");
    if (((await stat(path)).mode & 0o077) !== 0) {
      throw new LabError("InvalidFile", `${path} may be read by others`, { hint: `chmod 600 ${path}` });
    }
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    const denied = code === "EACCES" || code === "EPERM";
    const hint = "run as the owner of the home";
    throw new LabError(denied ? "NotAuthorised" : "InvalidFile", `${path}: ${message}`, { hint }, { cause });
  }
  const bytes = fromHex(FORM.exec(text)?.[1] ?? "");
  if (bytes?.length === 32) return new Secret(bytes);
  throw new LabError("InvalidFile", `${path} is no pre-shared key`, {
    hint: "copy the file of another member, byte for byte",
  });
}

export async function writePreSharedKey(home: string, key: Secret): Promise<void> {
  await writeWhole(preSharedKeyPath(home), `${HEAD}${toHex(key.reveal())}\n`, 0o600);
}
