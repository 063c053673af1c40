import { chmod, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "../../../core/errors.ts";
import type { Disk, DiskRecord } from "../../../core/ports/disk.ts";
import { StoreDamagedError } from "./errors.ts";
import type { StoreHealth } from "./health.ts";
import { openLevelDisk } from "./level-disk.ts";
import { inMemory } from "./in-memory.ts";
import { asidePath, damagedFiles, isDirectory, keepAside, quarantine, salvage, whatIsLeft } from "./salvage.ts";
import { StandInDisk } from "./stand-in-disk.ts";
import { tallyPath } from "./tally.ts";

export interface OpenedStore {
  readonly disk: Disk;
  /** As of now: a stand-in steps back when the store can be opened. */
  readonly health: () => StoreHealth;
}

export interface StoreOptions {
  /** Names the quarantine. */
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  /** What the last snapshot holds; asked only when the store is damaged. */
  readonly snapshot: () => Promise<readonly DiskRecord[]>;
  /** What was found wrong after an opening that had seemed to succeed. */
  readonly damage?: StoreDamagedError;
}

/** Records of a healed store are written so many at a time. */
const PORTION = 1000;

/**
 * Opens a store whatever happened to it: what is damaged is salvaged and kept aside, and what cannot be written is
 * stood in for by a copy in memory. Throws `HomeInUse`, when another process has it open, and nothing else.
 */
export async function openStore(directory: string, options: StoreOptions): Promise<OpenedStore> {
  const { damage } = options;
  try {
    await finishHealing(directory, options);
    const mended = await mendPermissions(directory);
    if (damage !== undefined) return await heal(directory, damage, options);
    if (await isDirectory(directory)) await keepAside(directory, asidePath(directory));
    const disk = await openLevelDisk(directory);
    await rm(asidePath(directory), { recursive: true, force: true });
    return { disk, health: () => ({ state: mended ? "mended" : "sound" }) };
  } catch (error) {
    if (error instanceof LabError && error.code === "HomeInUse") {
      await rm(asidePath(directory), { recursive: true, force: true });
      throw error;
    }
    if (!(error instanceof StoreDamagedError)) return standIn(directory, error, options);
    try {
      return await heal(directory, error, options);
    } catch (second) {
      return standIn(directory, second, options);
    }
  }
}

/** A healed store that is whole and not yet in its place. */
function readyPath(directory: string): string {
  return `${directory}.healed`;
}

/** Builds the store anew from what is readable and from the last snapshot. */
async function heal(directory: string, damage: StoreDamagedError, options: StoreOptions): Promise<OpenedStore> {
  const { salvaged, restored } = await whatIsLeft(directory, damage, options.snapshot, `${directory}.salvage`);

  const fresh = `${directory}.fresh`;
  await rm(fresh, { recursive: true, force: true });
  // Of a healing that was interrupted: it counts what the store that is begun here does not have.
  await rm(tallyPath(fresh), { force: true });
  const disk = await openLevelDisk(fresh);
  const records = [...salvaged, ...restored];
  for (let at = 0; at < records.length; at += PORTION) await disk.append(records.slice(at, at + PORTION), true);
  await disk.close();
  await rm(tallyPath(fresh), { force: true });
  // From here on an interruption ends with the healed store, before with the damaged one.
  await rename(fresh, readyPath(directory));
  const place = await finishHealing(directory, options);
  const healed = await openLevelDisk(directory);
  return {
    disk: healed,
    health: () => ({
      state: "healed",
      reason: damage.reason,
      quarantine: place,
      salvaged: salvaged.length,
      restored: restored.length,
    }),
  };
}

/** Puts a healed store in its place, and the damaged files beside it. */
async function finishHealing(directory: string, { now }: StoreOptions): Promise<string | null> {
  if (!(await isDirectory(readyPath(directory)))) return null;
  const from = await damagedFiles(directory);
  const stamp = now().toISOString().replaceAll(":", "-");
  const place = from === null ? null : await quarantine(directory, from, stamp);
  await rm(directory, { recursive: true, force: true });
  await rm(tallyPath(directory), { force: true });
  await rename(readyPath(directory), directory);
  return place;
}

/** Reads what can be read into memory, so that the agent answers while its store cannot be written. */
async function standIn(directory: string, error: unknown, { monotonicMs }: StoreOptions): Promise<OpenedStore> {
  const reason = error instanceof Error ? error.message : String(error);
  const disk = new StandInDisk({
    records: await readCopy(directory),
    refusal: error,
    open: () => openLevelDisk(directory),
    monotonicMs,
  });
  return { disk, health: () => (disk.standsIn ? { state: "stand-in", reason } : { state: "sound" }) };
}

/** Empty where not even a copy can be made. */
async function readCopy(directory: string): Promise<readonly DiskRecord[]> {
  const read = async (workshop: string) => {
    const records = await salvage((await damagedFiles(directory)) ?? directory, workshop);
    return records.length === 0 ? null : records;
  };
  return (await inMemory(read).catch(() => null)) ?? [];
}

/** Gives the owner back what the permissions forbid; true if something had to be changed. */
async function mendPermissions(directory: string): Promise<boolean> {
  const found = await stat(directory).catch(() => null);
  if (found === null || found.uid !== process.getuid?.()) return false;
  let mended = await allow(directory, found.mode, 0o700);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const { mode, uid } = await stat(path);
    if (uid === found.uid && (await allow(path, mode, 0o600))) mended = true;
  }
  return mended;
}

async function allow(path: string, mode: number, wanted: number): Promise<boolean> {
  if ((mode & wanted) === wanted) return false;
  await chmod(path, (mode & 0o777) | wanted);
  return true;
}
