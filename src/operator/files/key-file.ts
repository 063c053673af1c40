import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fromHex, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";

/** One key of one operator for one mesh, on one device. */
export interface OperatorKey {
  readonly name: string;
  readonly mesh: Uint8Array;
  /** 32 bytes. */
  readonly seed: Secret;
  readonly publicKey: Uint8Array;
}

/** `operators/<name>.json` in the operator's directory; beside it `operators/<name>/` has the key's own log. */
export function keyFilePath(operatorDir: string, name: string): string {
  return join(operatorDir, "operators", `${name}.json`);
}

export function ownLogDir(operatorDir: string, name: string): string {
  return join(operatorDir, "operators", name);
}

/** Names of the keys that are here, sorted. */
export function keyFileNames(operatorDir: string): string[] {
  try {
    const names = readdirSync(join(operatorDir, "operators")).filter((name) => name.endsWith(".json"));
    return names.map((name) => name.slice(0, -".json".length)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Durable when it returns. Throws `AlreadyExists` rather than to replace a key. */
export function writeKeyFile(operatorDir: string, key: OperatorKey): void {
  mkdirSync(join(operatorDir, "operators"), { recursive: true, mode: 0o700 });
  const path = keyFilePath(operatorDir, key.name);
  const content = {
    v: 1,
    kind: "ed25519",
    seed: toHex(key.seed.reveal()),
    publicKey: toHex(key.publicKey),
    name: key.name,
    mesh: toHex(key.mesh),
  };
  const file = createFile(path);
  try {
    writeSync(file, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function createFile(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new LabError("AlreadyExists", `there is an operator's key at ${path}`);
  }
}

/** Takes back what {@link writeKeyFile} made, and the log beside it. */
export function removeKeyFile(operatorDir: string, name: string): void {
  rmSync(keyFilePath(operatorDir, name), { force: true });
  rmSync(ownLogDir(operatorDir, name), { recursive: true, force: true });
}

/** Throws `NotFound`, `NotAuthorised` for a file that others can read, `InvalidFile`. */
export function readKeyFile(operatorDir: string, name: string): OperatorKey {
  const path = keyFilePath(operatorDir, name);
  let text: string;
  try {
    requirePrivate(path);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new LabError("NotFound", `there is no key of an operator "${name}" in ${operatorDir}`);
  }
  const fields = parse(text);
  const [seed, publicKey, mesh] = [bytes32(fields["seed"]), bytes32(fields["publicKey"]), bytes32(fields["mesh"])];
  if (fields["v"] !== 1 || fields["kind"] !== "ed25519" || !seed || !publicKey || !mesh) {
    throw new LabError("InvalidFile", `${path} is not an operator's key that this release can read`, {
      hint: "restore it from a backup, or remove it",
    });
  }
  return { name, mesh, seed: new Secret(seed), publicKey };
}

/** A key that others can read is no longer one person's word. */
function requirePrivate(path: string): void {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  throw new LabError("NotAuthorised", `${path} can be read by others (mode ${mode.toString(8).padStart(4, "0")})`, {
    hint: `chmod 600 ${path}`,
  });
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function bytes32(value: unknown): Uint8Array | null {
  const bytes = typeof value === "string" ? fromHex(value) : null;
  return bytes?.length === 32 ? bytes : null;
}
