import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ascii, fromHex, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import type { Keys, SealIdentity } from "../../core/ports/keys.ts";
import { Secret } from "../../core/secret.ts";
import type { KnownAddress } from "../directory.ts";
import { decrypt, encrypt } from "./aes-gcm.ts";
import {
  type MachineKeyFile,
  type MachineKeys,
  parseMachineKey,
  printMachineKey,
  type SealedKey,
  type Sealing,
  sealMachineKeys,
  unsealMachineKeys,
  usualSealing,
} from "./machine-key.ts";
import { clearSecretPlace } from "./secret-place.ts";

/** `home.json`: which member of which mesh this home is. Written last, so that a home is whole or not there. */
export interface HomeFile {
  readonly v: 1;
  /** Hex of the mesh id. */
  readonly mesh: string;
  readonly meshName: string;
  /** Hex of the node's log. */
  readonly node: string;
  readonly name: string;
  readonly bootstrap: readonly KnownAddress[];
}

/** The keys of one node: what proves it, what its secrets are sealed to, what its cache is sealed under. */
export interface NodeKeys extends MachineKeys {
  readonly seed: Secret;
  readonly seal: SealIdentity;
  /** How the machine key is sealed, and the other two under it; null for files that are as they are. */
  readonly sealed: SealedKey | null;
}

const HOME_FILE = "home.json";

/** Null where no member lives: the directory is missing, empty, or an enrolment was not finished. */
export async function readHome(home: string): Promise<HomeFile | null> {
  const path = join(home, HOME_FILE);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw unreadable(path, cause);
  }
  const file = parseHome(text);
  if (file === "newer") {
    throw new LabError("InvalidFile", `${path} was written by a newer release`, { hint: "update lab on this machine" });
  }
  if (file === "damaged") {
    throw new LabError("InvalidFile", `${path} is damaged`, { hint: "restore it from a backup, or enrol anew" });
  }
  return file;
}

function parseHome(text: string): HomeFile | "damaged" | "newer" {
  let file: Partial<HomeFile> | null;
  try {
    file = JSON.parse(text) as Partial<HomeFile> | null;
  } catch {
    return "damaged";
  }
  if (typeof file?.v === "number" && file.v > 1) return "newer";
  const isHash = (field: unknown) => typeof field === "string" && /^[0-9a-f]{64}$/.test(field);
  const names = [file?.name, file?.meshName];
  if (!isHash(file?.mesh) || !isHash(file?.node) || !names.every((name) => typeof name === "string")) return "damaged";
  const { bootstrap } = file as HomeFile;
  const isKnown = (peer: unknown) => {
    const { key, addresses } = (peer ?? {}) as Partial<KnownAddress>;
    return isHash(key) && Array.isArray(addresses) && addresses.every((address) => typeof address === "string");
  };
  return Array.isArray(bootstrap) && bootstrap.every(isKnown) ? (file as HomeFile) : "damaged";
}

export async function writeHome(home: string, file: HomeFile): Promise<void> {
  await writeWhole(join(home, HOME_FILE), `${JSON.stringify(file, null, 2)}\n`, 0o644);
}

/** Makes the directories of a home, for its owner only. */
export async function makeHome(home: string): Promise<void> {
  try {
    for (const directory of [home, join(home, "keys"), join(home, "run"), join(home, "log")]) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
    }
  } catch (cause) {
    throw unreadable(home, cause);
  }
}

/** Clears away what an enrolment by hand left that did not come to its end. */
export async function removeUnfinished(home: string): Promise<void> {
  for (const name of ["store", "store.tally", "store.before"]) {
    await rm(join(home, name), { recursive: true, force: true });
  }
}

/** The keys of this home; made and synced to disk first if there are none, so that a retry uses the same. */
export async function ensureKeys(home: string, keys: Keys): Promise<NodeKeys> {
  await makeHome(home);
  const known = await readKeys(home);
  if (known !== null) return known;
  const machineKeys = { machineKey: randomKey(), formerKeys: [] };
  const made = { seed: randomKey(), seal: await keys.createSealIdentity(), ...machineKeys };
  const sealing = await usualSealing();
  const sealed = sealing === "file" ? null : await sealMachineKeys(machineKeys, sealing, undefined);
  await writeKeys(home, { ...made, sealed });
  return { ...made, sealed };
}

function randomKey(): Secret {
  return new Secret(new Uint8Array(randomBytes(32)));
}

export async function writeKeys(home: string, own: NodeKeys): Promise<void> {
  await makeHome(home);
  const { seed, seal, machineKey, sealed } = own;
  const file: MachineKeyFile = sealed === null ? { state: "open", keys: own } : { state: "sealed", sealed };
  await writeWhole(keyPath(home, "machine.key"), printMachineKey(file), 0o600);
  const write = async (name: string, text: string) => {
    const written = sealed === null ? text : sealText(machineKey, name, text);
    await writeWhole(keyPath(home, name), written, 0o600);
  };
  const identity = Buffer.from(seal.identity.reveal()).toString("ascii");
  await write("seal.key", `# recipient: ${seal.recipient}\n${identity}\n`);
  await write("node.key", `${toHex(seed.reveal())}\n`);
}

/**
 * Seals the keys of a home anew, under a new machine key: the one before may have lain on the disk as it was. Cached
 * values go on being opened with it until they are sealed anew. Interrupted, it can be done again.
 */
export async function sealHome(home: string, sealing: Sealing, device: string | undefined): Promise<void> {
  const own = await readKeys(home);
  if (own === null) throw keysGone(home);
  const keys = { machineKey: randomKey(), formerKeys: [own.machineKey, ...own.formerKeys] };
  const sealed = sealing === "file" ? null : await sealMachineKeys(keys, sealing, device);
  if (sealed !== null) {
    // What cannot be opened again is found out while the keys are still there.
    const opened = await unsealMachineKeys(sealed);
    if (toHex(opened.machineKey.reveal()) !== toHex(keys.machineKey.reveal())) {
      throw new LabError("Failed", `what ${sealing} has sealed does not open as it was`);
    }
  }
  // The machine key first: what is still sealed under the one before opens with that, which is in it, too.
  await writeKeys(home, { ...own, ...keys, sealed });
}

export function keysGone(home: string): LabError {
  return new LabError("InvalidFile", `the keys of ${home} are gone`, {
    hint: "restore keys/ from a backup, or remove the home and enrol anew",
  });
}

/** Null if there are none; throws when they are there and cannot be used. */
export async function readKeys(home: string): Promise<NodeKeys | null> {
  // It is written last: without it the making of keys was interrupted, and nobody has heard of the others.
  const node = await readKeyFile(home, "node.key");
  if (node === null) return null;
  const machineFile = parseMachineKey((await readKeyFile(home, "machine.key")) ?? "");
  if (machineFile === null) throw damagedKeys(home);
  const sealed = machineFile.state === "sealed" ? machineFile.sealed : null;
  const machine = machineFile.state === "sealed" ? await unsealMachineKeys(machineFile.sealed) : machineFile.keys;
  const seed = openText(machine, "node.key", node);
  const seal = openText(machine, "seal.key", (await readKeyFile(home, "seal.key")) ?? "");
  const recipient = /^# recipient: (age1\S+)$/m.exec(seal ?? "")?.[1];
  const identity = /^AGE-SECRET-KEY-1\S+$/m.exec(seal ?? "")?.[0];
  const seedBytes = fromHex((seed ?? "").trim());
  if (!recipient || !identity || seedBytes?.length !== 32) throw damagedKeys(home);
  return {
    seed: new Secret(seedBytes),
    seal: { recipient, identity: new Secret(new Uint8Array(Buffer.from(identity, "ascii"))) },
    ...machine,
    sealed,
  };
}

function damagedKeys(home: string): LabError {
  return new LabError("InvalidFile", `the keys in ${join(home, "keys")} are damaged or incomplete`, {
    hint: "restore them from a backup, or remove the home and enrol anew",
  });
}

function keyPath(home: string, name: string): string {
  return join(home, "keys", name);
}

async function readKeyFile(home: string, name: string): Promise<string | null> {
  const path = keyPath(home, name);
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new LabError("InvalidFile", `${path} may be read by others`, { hint: `chmod 600 ${path}` });
    }
    return await readFile(path, "ascii");
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw unreadable(path, cause);
  }
}

/** Sealed keys beside a sealed machine key: AES-256-GCM under it, bound to the name of the file. */
const SEALED_HEAD = "# sealed under the machine key\n";
const NONCE_BYTES = 12;

export function isSealedText(text: string): boolean {
  return text.startsWith(SEALED_HEAD);
}

function sealText(machineKey: Secret, name: string, text: string): string {
  const nonce = new Uint8Array(randomBytes(NONCE_BYTES));
  const sealed = encrypt(machineKey, nonce, ascii(`lab/1/home/${name}`), new Secret(ascii(text)));
  return `${SEALED_HEAD}${Buffer.concat([nonce, sealed]).toString("base64")}\n`;
}

/** Null for one that was altered, or sealed under another key. What is not sealed is taken as it is. */
function openText({ machineKey, formerKeys }: MachineKeys, name: string, text: string): string | null {
  if (!isSealedText(text)) return text;
  const bytes = new Uint8Array(Buffer.from(text.slice(SEALED_HEAD.length), "base64"));
  const [nonce, sealed] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES)];
  for (const key of [machineKey, ...formerKeys]) {
    const opened = decrypt(key, nonce, ascii(`lab/1/home/${name}`), sealed);
    if (opened !== null) return Buffer.from(opened.reveal()).toString("ascii");
  }
  return null;
}

/** Replaces a file as a whole, durably: a crash leaves the old or the new one. */
export async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const partial = `${path}.${process.pid}.new`;
  try {
    await rm(partial, { force: true });
    const file = await open(partial, "wx", mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(partial, mode);
    await rename(partial, path);
    const directory = await open(join(path, ".."), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOSPC") {
      throw new LabError(
        "DiskFull",
        `no space left to write ${path}`,
        { hint: "free some space and try again" },
        { cause },
      );
    }
    throw unreadable(path, cause);
  }
}

/** A note that outlives restarts, such as the port that was taken; undefined where there is none. */
export async function readNote(home: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(home, "run", name), "utf8")).trim();
  } catch {
    return undefined;
  }
}

export async function writeNote(home: string, name: string, text: string): Promise<void> {
  const path = join(home, "run", name);
  // Others look while this is written: they find all of it or nothing.
  await writeFile(`${path}.new`, `${text}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export async function removeNote(home: string, name: string): Promise<void> {
  await rm(join(home, "run", name), { force: true });
}

function unreadable(path: string, cause: unknown): LabError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const denied = code === "EACCES" || code === "EPERM" || code === "EROFS";
  const what = denied ? `${path}: permission denied` : `${path}: ${message}`;
  const hint = denied ? "run as the owner of the home, or choose another with --home" : "";
  return new LabError(denied ? "NotAuthorised" : "Failed", what, hint === "" ? {} : { hint }, { cause });
}

/** Names the place that this home's agent puts secrets into. */
export const SECRETS_NOTE = "secrets-dir";

/** What a member of a mesh keeps in its home, the file that makes it a home first. */
const KEPT = [HOME_FILE, "keys", "store", "snapshots", "run"];
/** Beside the store: its tally, and copies of what could not be healed. */
const BESIDE_STORE = /^store[.-]/;

/**
 * Takes the member out of a home: keys, store, cache of secrets and what was delivered of it are gone. Logs, and what
 * others put there, stay.
 * Interrupted, it can be done again.
 */
export async function clearHome(home: string): Promise<void> {
  try {
    const secrets = await readNote(home, SECRETS_NOTE);
    if (secrets !== undefined) await clearSecretPlace(secrets, home);
    const beside = (await readdir(home)).filter((name) => BESIDE_STORE.test(name));
    for (const name of [...KEPT, ...beside]) await rm(join(home, name), { recursive: true, force: true });
  } catch (cause) {
    throw unreadable(home, cause);
  }
}
