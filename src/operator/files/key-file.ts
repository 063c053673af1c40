import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fromHex, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import { fromBase64, toBase64 } from "../../core/ssh/base64.ts";

/** One key of one operator for one mesh, on one device. */
export interface OperatorKey {
  readonly name: string;
  readonly mesh: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly custody: Custody;
}

/** In the place of the mesh of a key that waits to found one. */
export const NO_MESH: Uint8Array = new Uint8Array(32);

/** Where the private half lies. */
export type Custody =
  /** In the file, for whoever can read it. 32 bytes. */
  | { readonly kind: "plain"; readonly seed: Secret }
  /** In the file, sealed: an age file of the 32 bytes. */
  | { readonly kind: "passphrase"; readonly sealed: Uint8Array }
  /** In an SSH agent of this device. `application` is that of a FIDO2 token's key, such as `ssh:`. */
  | { readonly kind: "ssh-agent"; readonly application: string | null }
  /** On another machine, which signs what is carried to it. */
  | { readonly kind: "elsewhere"; readonly application: string | null };

/** How the file calls each custody; `ed25519` is the first release's. */
const KINDS = {
  plain: "ed25519",
  passphrase: "ed25519-age",
  "ssh-agent": "ssh-agent",
  elsewhere: "elsewhere",
} as const satisfies Record<Custody["kind"], string>;

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
  writeDurably(createFile(keyFilePath(operatorDir, key.name)), key);
}

/** Writes a key anew that has another custody now: the old file is there until the new one is durable. */
export function replaceKeyFile(operatorDir: string, key: OperatorKey): void {
  const path = keyFilePath(operatorDir, key.name);
  rmSync(`${path}.new`, { force: true });
  writeDurably(createFile(`${path}.new`), key);
  renameSync(`${path}.new`, path);
}

function writeDurably(file: number, key: OperatorKey): void {
  const content = {
    v: 1,
    kind: KINDS[key.custody.kind],
    ...custodyFields(key.custody),
    publicKey: toHex(key.publicKey),
    name: key.name,
    mesh: toHex(key.mesh),
  };
  try {
    writeSync(file, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function custodyFields(custody: Custody): Readonly<Record<string, string>> {
  switch (custody.kind) {
    case "plain":
      return { seed: toHex(custody.seed.reveal()) };
    case "passphrase":
      return { sealed: toBase64(custody.sealed) };
    case "ssh-agent":
    case "elsewhere":
      return custody.application === null ? {} : { application: custody.application };
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

/** A key file that makes room for another one. */
export interface SetAside {
  /** Where it is now. */
  readonly path: string;
  back(): void;
}

/**
 * Makes room for a new key of that name: nothing is deleted. Null if there was none. Throws `AlreadyExists` if it is a
 * key for another mesh.
 */
export function setKeyFileAside(operatorDir: string, name: string, mesh: Uint8Array): SetAside | null {
  const path = keyFilePath(operatorDir, name);
  if (!existsSync(path)) return null;
  const old = readKeyFile(operatorDir, name);
  if (toHex(old.mesh) !== toHex(mesh)) {
    throw new LabError("AlreadyExists", `${path} is a key for another mesh`, {
      hint: "LAB_CONFIG=DIR in front of the command keeps two meshes apart",
    });
  }
  // Not a name that ends like a key's, so that no command takes it for one.
  const mark = `.replaced-${toHex(old.publicKey).slice(0, 8)}`;
  const moves = [path, ownLogDir(operatorDir, name)].filter((from) => existsSync(from));
  for (const from of moves) renameSync(from, `${from}${mark}`);
  const back = () => {
    for (const from of moves) renameSync(`${from}${mark}`, from);
  };
  return { path: `${path}${mark}`, back };
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
  const [publicKey, mesh, custody] = [bytes32(fields["publicKey"]), bytes32(fields["mesh"]), custodyOf(fields)];
  if (fields["v"] !== 1 || !publicKey || !mesh || !custody) {
    throw new LabError("InvalidFile", `${path} is not an operator's key that this release can read`, {
      hint: "restore it from a backup, or remove it",
    });
  }
  return { name, mesh, publicKey, custody };
}

function custodyOf(fields: Readonly<Record<string, unknown>>): Custody | null {
  const { kind, seed, sealed, application = null } = fields;
  switch (kind) {
    case KINDS.plain: {
      const bytes = bytes32(seed);
      return bytes && { kind: "plain", seed: new Secret(bytes) };
    }
    case KINDS.passphrase: {
      const bytes = typeof sealed === "string" ? fromBase64(sealed) : null;
      return bytes && { kind: "passphrase", sealed: bytes };
    }
    case KINDS["ssh-agent"]:
    case KINDS.elsewhere: {
      if (application !== null && typeof application !== "string") return null;
      return { kind: kind === KINDS.elsewhere ? "elsewhere" : "ssh-agent", application };
    }
    default:
      return null;
  }
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
