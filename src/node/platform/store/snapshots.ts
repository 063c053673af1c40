import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { DiskRecord } from "../../../core/ports/disk.ts";

/**
 * The newest ones, and of each of the last days the newest: a fault that is noticed late has not reached all of them.
 */
const NEWEST_KEPT = 2;
const DAYS_KEPT = 3;

const MAGIC = "lab-snapshot 1\n";
const HASH_BYTES = 32;
/** What a hostile or damaged file may unpack to. */
const MAX_BYTES = 1024 * 1024 * 1024;
const SUFFIX = ".snapshot";

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/**
 * Writes all records of a disk as one file in `directory`, whole or not at all, and lets go of old ones. The records
 * are what the disk holds: signed entries, and secrets only as they lie there, encrypted.
 */
export async function writeSnapshot(directory: string, records: readonly DiskRecord[], now: Date): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const body = await pack(encodeRecords(records), { level: 1 });
  const content = Buffer.concat([Buffer.from(MAGIC, "ascii"), digest(body), body]);
  const path = join(directory, `${now.toISOString().replaceAll(":", "-")}${SUFFIX}`);
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const parent = await open(dirname(path), "r");
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
  for (const name of outdated(await readdir(directory))) await rm(join(directory, name), { force: true });
  return path;
}

/** The newest snapshot that can be read; nothing where there is none. */
export async function readNewestSnapshot(directory: string): Promise<DiskRecord[]> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names
    .filter((each) => each.endsWith(SUFFIX))
    .sort()
    .reverse()) {
    try {
      const content = await readFile(join(directory, name));
      const body = content.subarray(MAGIC.length + HASH_BYTES);
      const isOurs = content.subarray(0, MAGIC.length).toString("ascii") === MAGIC;
      if (!isOurs || !digest(body).equals(content.subarray(MAGIC.length, MAGIC.length + HASH_BYTES))) continue;
      return decodeRecords(await unpack(body, { maxOutputLength: MAX_BYTES }));
    } catch {
      // An older one may be whole.
    }
  }
  return [];
}

/** Which snapshots are no longer wanted. */
export function outdated(names: readonly string[]): string[] {
  const newestFirst = names
    .filter((name) => name.endsWith(SUFFIX))
    .sort()
    .reverse();
  const kept = new Set(newestFirst.slice(0, NEWEST_KEPT));
  const days = new Set<string>();
  for (const name of newestFirst) {
    const day = name.slice(0, "2026-11-21".length);
    if (days.has(day) || days.size === DAYS_KEPT) continue;
    days.add(day);
    kept.add(name);
  }
  return [...newestFirst.filter((name) => !kept.has(name)), ...names.filter((name) => name.endsWith(`${SUFFIX}.new`))];
}

function encodeRecords(records: readonly DiskRecord[]): Buffer {
  const parts: Buffer[] = [];
  for (const { key, value } of records) {
    const name = Buffer.from(key, "utf8");
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32BE(name.length, 0);
    lengths.writeUInt32BE(value.length, 4);
    parts.push(lengths, name, Buffer.from(value.buffer, value.byteOffset, value.length));
  }
  return Buffer.concat(parts);
}

function decodeRecords(bytes: Buffer): DiskRecord[] {
  const records: DiskRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const keyEnd = at + 8 + bytes.readUInt32BE(at);
    const end = keyEnd + bytes.readUInt32BE(at + 4);
    if (end > bytes.length) throw new RangeError("a snapshot ends within a record");
    records.push({ key: bytes.toString("utf8", at + 8, keyEnd), value: new Uint8Array(bytes.subarray(keyEnd, end)) });
    at = end;
  }
  return records;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
