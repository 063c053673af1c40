import { constants } from "node:fs";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { concat, fromHex, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import { Secret } from "../../core/secret.ts";
import { runTool, type ToolAnswer } from "./run-tool.ts";

/**
 * How the machine key lies on the disk:
 * - `tpm2`: sealed by this machine's TPM 2.0; a disk in another machine is useless
 * - `systemd-creds`: sealed by systemd, with its TPM or with the key of this host, which lies in /var/lib/systemd
 * - `file`: as it is, in a file that only its owner may read
 */
export type Sealing = "tpm2" | "systemd-creds" | "file";

/** A machine key that was sealed, as its file has it. */
export type SealedKey =
  | { readonly with: "tpm2"; readonly device: string; readonly public: Uint8Array; readonly private: Uint8Array }
  | {
      readonly with: "systemd-creds";
      readonly key: "tpm2" | "host";
      readonly device: string | null;
      readonly blob: Uint8Array;
    };

/** What the machine key's file holds: the key, and those before it that cached values may still be sealed under. */
export interface MachineKeys {
  readonly machineKey: Secret;
  readonly formerKeys: readonly Secret[];
}

export type MachineKeyFile =
  | { readonly state: "open"; readonly keys: MachineKeys }
  | { readonly state: "sealed"; readonly sealed: SealedKey };

const HEAD = "# machine key, sealed: nothing but this machine opens it";
const KEY_BYTES = 32;
/** A TPM seals 128 bytes at most: the key, and three before it. */
const KEYS_MOST = 4;
const CREDENTIAL = "lab-machine-key";
/** The resource manager of the kernel: more than one program can use the TPM at a time. */
const TPM_DEVICE = "/dev/tpmrm0";
const TPM_TRANSPORT = `device:${TPM_DEVICE}`;

/** Null for a file that is damaged. */
export function parseMachineKey(text: string): MachineKeyFile | null {
  if (!text.startsWith(HEAD)) {
    const lines = text.trim().split("\n");
    const keys = lines.map((line) => fromHex(line.trim()));
    const isWhole = keys.length <= KEYS_MOST && keys.every((key) => key?.length === KEY_BYTES);
    return isWhole ? { state: "open", keys: keysOf(concat(...(keys as Uint8Array[]))) } : null;
  }
  const fields = new Map(text.split("\n").map((line) => [line.split(":")[0] ?? "", line.slice(line.indexOf(":") + 2)]));
  const bytes = (field: string) => new Uint8Array(Buffer.from(fields.get(field) ?? "", "base64"));
  switch (fields.get("with")) {
    case "tpm2":
      return {
        state: "sealed",
        sealed: {
          with: "tpm2",
          device: fields.get("device") ?? TPM_TRANSPORT,
          public: bytes("public"),
          private: bytes("private"),
        },
      };
    case "systemd-creds":
      return {
        state: "sealed",
        sealed: {
          with: "systemd-creds",
          key: fields.get("key") === "tpm2" ? "tpm2" : "host",
          device: fields.get("device") ?? null,
          blob: bytes("blob"),
        },
      };
    default:
      return null;
  }
}

export function printMachineKey(file: MachineKeyFile): string {
  if (file.state === "open") {
    return [file.keys.machineKey, ...file.keys.formerKeys].map((key) => `${toHex(key.reveal())}\n`).join("");
  }
  const { sealed } = file;
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const fields =
    sealed.with === "tpm2"
      ? { device: sealed.device, public: base64(sealed.public), private: base64(sealed.private) }
      : { key: sealed.key, ...(sealed.device === null ? {} : { device: sealed.device }), blob: base64(sealed.blob) };
  const lines = Object.entries({ with: sealed.with, ...fields }).map(([field, value]) => `${field}: ${value}\n`);
  return `${HEAD}\n${lines.join("")}`;
}

function keysOf(bytes: Uint8Array): MachineKeys {
  const count = bytes.length / KEY_BYTES;
  const keys = Array.from({ length: count }, (_, i) => new Secret(bytes.slice(i * KEY_BYTES, (i + 1) * KEY_BYTES)));
  bytes.fill(0);
  return { machineKey: keys[0] as Secret, formerKeys: keys.slice(1) };
}

/** What a new home is sealed with: the TPM, if this process may use one. The key of the host lies on the same disk. */
export async function usualSealing(): Promise<Sealing> {
  return (await isTpmUsable()) ? "tpm2" : "file";
}

export async function isTpmUsable(): Promise<boolean> {
  try {
    await access(TPM_DEVICE, constants.R_OK | constants.W_OK);
  } catch {
    return false;
  }
  return (await runTool("tpm2_createprimary", ["--version"])).exit === 0;
}

/** Throws `Failed` where this machine cannot seal that way. */
export async function sealMachineKeys(
  { machineKey, formerKeys }: MachineKeys,
  sealing: Exclude<Sealing, "file">,
  device: string | undefined,
): Promise<SealedKey> {
  const kept = [machineKey, ...formerKeys].slice(0, KEYS_MOST);
  const input = concat(...kept.map((key) => key.reveal()));
  try {
    return sealing === "tpm2"
      ? await sealWithTpm(input, device ?? TPM_TRANSPORT)
      : await sealWithSystemd(input, device);
  } finally {
    input.fill(0);
  }
}

/** Throws `WrongMachine` if it was sealed elsewhere, or the TPM was cleared since. */
export async function unsealMachineKeys(sealed: SealedKey): Promise<MachineKeys> {
  const opened = sealed.with === "tpm2" ? await unsealWithTpm(sealed) : await unsealWithSystemd(sealed);
  if (opened.exit === 0 && opened.stdout.length > 0 && opened.stdout.length % KEY_BYTES === 0) {
    const bytes = new Uint8Array(opened.stdout);
    opened.stdout.fill(0);
    return keysOf(bytes);
  }
  const tool = sealed.with === "tpm2" ? "tpm2-tools" : "systemd-creds";
  const what = opened.exit === null ? `${tool} cannot be run: ${opened.complaint}` : opened.complaint;
  throw new LabError("WrongMachine", `the machine key cannot be opened here: ${what}`, {
    notes: [`it was sealed with ${sealed.with}, by the machine that this home was on then`],
    hint: "on that machine: install what is missing; on another, or after its TPM was cleared: enrol it anew",
  });
}

/**
 * Without a policy on measurements: what is defended against is a disk in another machine, and an update of the firmware
 * must not cost a machine its secrets. The primary key is derived anew each time from the TPM's own seed.
 */
async function sealWithTpm(input: Uint8Array, device: string): Promise<SealedKey> {
  return withTpm(device, async (directory, tpm) => {
    const files = ["-u", join(directory, "public"), "-r", join(directory, "private")];
    const made = await tpm("tpm2_create", ["-Q", "-C", join(directory, "primary"), "-i", "-", ...files], input);
    if (made.exit !== 0) throw cannotSeal("tpm2", made);
    const [pub, priv] = await Promise.all(["public", "private"].map((name) => readFile(join(directory, name))));
    return { with: "tpm2", device, public: new Uint8Array(pub as Buffer), private: new Uint8Array(priv as Buffer) };
  });
}

async function unsealWithTpm(sealed: SealedKey & { readonly with: "tpm2" }): Promise<ToolAnswer> {
  return withTpm(sealed.device, async (directory, tpm) => {
    const path = (name: string) => join(directory, name);
    await writeFile(path("public"), sealed.public);
    await writeFile(path("private"), sealed.private);
    const files = ["-u", path("public"), "-r", path("private"), "-c", path("object")];
    const loaded = await tpm("tpm2_load", ["-Q", "-C", path("primary"), ...files]);
    return loaded.exit === 0 ? tpm("tpm2_unseal", ["-c", path("object")]) : loaded;
  }).catch((error: unknown) => {
    if (error instanceof LabError) return { exit: 1, stdout: Buffer.alloc(0), complaint: error.message };
    throw error;
  });
}

type Tpm = (command: string, args: readonly string[], input?: Uint8Array) => Promise<ToolAnswer>;

/** With a primary key in `DIRECTORY/primary`. Nothing secret is in a file: keys go through pipes. */
async function withTpm<T>(device: string, run: (directory: string, tpm: Tpm) => Promise<T>): Promise<T> {
  const env = { TPM2TOOLS_TCTI: device };
  const directory = await mkdtemp(join(tmpdir(), "lab-tpm-"));
  try {
    const tpm: Tpm = async (command, args, input) => {
      const answer = await runTool(command, args, { env, ...(input === undefined ? {} : { input }) });
      // Where no resource manager stands between, the next command finds no room in the TPM otherwise.
      if (!device.startsWith("device:/dev/tpmrm")) await runTool("tpm2_flushcontext", ["-t"], { env });
      return answer;
    };
    const primary = ["-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", join(directory, "primary")];
    const made = await tpm("tpm2_createprimary", primary);
    if (made.exit !== 0) throw cannotSeal("tpm2", made);
    return await run(directory, tpm);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function sealWithSystemd(input: Uint8Array, device: string | undefined): Promise<SealedKey> {
  const key =
    device !== undefined ||
    (await access(TPM_DEVICE).then(
      () => true,
      () => false,
    ))
      ? "tpm2"
      : "host";
  const place = device === undefined ? [] : [`--tpm2-device=${device}`];
  const made = await runTool(
    "systemd-creds",
    ["encrypt", `--with-key=${key}`, ...place, `--name=${CREDENTIAL}`, "-", "-"],
    { input },
  );
  if (made.exit !== 0) throw cannotSeal("systemd-creds", made);
  const blob = new Uint8Array(Buffer.from(made.stdout.toString("ascii"), "base64"));
  return { with: "systemd-creds", key, device: device ?? null, blob };
}

function unsealWithSystemd(sealed: SealedKey & { readonly with: "systemd-creds" }): Promise<ToolAnswer> {
  const place = sealed.device === null ? [] : [`--tpm2-device=${sealed.device}`];
  const input = Buffer.from(Buffer.from(sealed.blob).toString("base64"));
  return runTool("systemd-creds", ["decrypt", ...place, `--name=${CREDENTIAL}`, "-", "-"], { input });
}

function cannotSeal(sealing: "tpm2" | "systemd-creds", { complaint }: ToolAnswer): LabError {
  const hint =
    sealing === "tpm2"
      ? `install tpm2-tools, and see that ${TPM_DEVICE} is there and this user may use it`
      : "systemd 250 or later";
  return new LabError("Failed", `this machine cannot seal with ${sealing}: ${complaint}`, { hint });
}
