import type { Check } from "../../operations/kinds/check.ts";
import type { FileFact, HomeFacts } from "../platform/home-facts.ts";

const MIB = 1024 * 1024;
/** A store that is healed is written beside the old one; a snapshot takes as much again. */
const LITTLE_SPACE_BYTES = 1024 * MIB;
const NO_SPACE_BYTES = 100 * MIB;
const LITTLE_SPACE_PART = 0.05;

/** What can be said about a home and its machine whether its agent runs or not. */
export function homeChecks(facts: HomeFacts): Check[] {
  return [fileCheck(facts), machineKeyCheck(facts), spaceCheck(facts)];
}

function fileCheck({ home, uid, files }: HomeFacts): Check {
  const name = "keys and file modes";
  const path = (file: FileFact) => (file.name === "" ? home : `${home}/${file.name}`);
  const missing = files.find(({ mode }) => mode === null);
  if (missing !== undefined) {
    const fix = "restore keys/ from a backup, or remove the home and enrol anew";
    return { name, state: "failed", detail: `${path(missing)} is missing or may not be looked at`, fix };
  }
  const open = files.find(({ mode, mostMode }) => mode !== null && (mode & ~mostMode) !== 0);
  if (open !== undefined) {
    const [mode, most] = [open.mode ?? 0, open.mostMode].map((bits) => bits.toString(8));
    return {
      name,
      state: "failed",
      detail: `${path(open)} has mode ${mode}: others than its owner may use it`,
      fix: `chmod ${most} ${path(open)}; if somebody may have read a key: lab identity revoke, and enrol anew`,
    };
  }
  const foreign = files.find((file) => file.uid !== uid && uid !== 0);
  if (foreign !== undefined) {
    const detail = `${path(foreign)} belongs to user ${foreign.uid}, and this runs as ${uid}`;
    return { name, state: "failed", detail, fix: `chown -R ${uid} ${home}` };
  }
  return { name, state: "ok", detail: "only the owner of the home may read them", fix: "" };
}

function machineKeyCheck(facts: HomeFacts): Check {
  const name = "machine key";
  const { sealing, open, tpm } = facts.machineKey;
  if (open.length > 0) {
    const detail = `sealed, and ${open.join(" and ")} beside it not: that was interrupted`;
    return { name, state: "warning", detail, fix: "lab identity seal" };
  }
  switch (sealing) {
    case "tpm2":
    case "systemd-creds with a TPM":
      return {
        name,
        state: "ok",
        detail: `sealed by this machine's TPM (${sealing}): the disk alone opens nothing`,
        fix: "",
      };
    case "systemd-creds":
      return onDiskCheck(facts, "sealed with the key of this host, which lies on its disk in /var/lib/systemd", tpm);
    case "file":
      return onDiskCheck(facts, "a file", tpm);
    case "unknown":
      return { name, state: "unknown", detail: "it cannot be read", fix: "lab doctor, as the owner of the home" };
  }
}

/** A key that is as safe as the disk that it lies on. */
function onDiskCheck({ encryption }: HomeFacts, what: string, tpm: "usable" | "none"): Check {
  const name = "machine key";
  const better = tpm === "usable" ? "lab identity seal (this machine has a TPM); or " : "";
  switch (encryption) {
    case "encrypted":
      return { name, state: "ok", detail: `${what} on an encrypted disk`, fix: "" };
    case "plain":
      return {
        name,
        state: "warning",
        detail: `${what} on a disk that is not encrypted: whoever carries the disk away reads the cached secrets`,
        fix: `${better}put the home on an encrypted disk (LUKS); revoke this machine if it is ever lost`,
      };
    case "unknown":
      return {
        name,
        state: "unknown",
        detail: `${what}; the kernel does not say whether the disk below it is encrypted`,
        fix: `${better}see to it that the disk is encrypted (LUKS): lsblk -o NAME,TYPE,MOUNTPOINT`,
      };
  }
}

function spaceCheck({ home, space }: HomeFacts): Check {
  const name = "disk space";
  if (space === null) {
    return { name, state: "unknown", detail: "the file system does not say how full it is", fix: `df ${home}` };
  }
  const { freeBytes, totalBytes } = space;
  const part = totalBytes === 0 ? 0 : freeBytes / totalBytes;
  const detail = `${Math.floor(freeBytes / MIB)} MiB free, ${Math.floor(100 * part)} % of the file system`;
  const fix = `free some space where ${home} lies: df -h ${home}`;
  if (freeBytes < NO_SPACE_BYTES) return { name, state: "failed", detail, fix };
  if (freeBytes < LITTLE_SPACE_BYTES || part < LITTLE_SPACE_PART) return { name, state: "warning", detail, fix };
  return { name, state: "ok", detail, fix: "" };
}

/** Of the process that this is asked in: the agent's own, or nothing when it does not run. */
export function coreDumpCheck(coreDumpBytes: number | null): Check {
  const name = "core dumps";
  if (coreDumpBytes === null) {
    return { name, state: "unknown", detail: "the kernel does not say how large a dump may be", fix: "ulimit -c" };
  }
  if (coreDumpBytes === 0) return { name, state: "ok", detail: "the agent leaves none", fix: "" };
  return {
    name,
    state: "warning",
    detail: "a crash of the agent would leave its memory on the disk, cached secrets among it",
    fix: "LimitCORE=0 in the agent's unit, or ulimit -c 0 before it is started",
  };
}
