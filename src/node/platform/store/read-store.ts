import { cp } from "node:fs/promises";
import type { DiskRecord } from "../../../core/ports/disk.ts";
import { DiskFailedError } from "../../../core/ports/disk.ts";
import { StoreBarredError, StoreDamagedError, StoreLaterError } from "./errors.ts";
import type { StoreHealth } from "./health.ts";
import { inMemory } from "./in-memory.ts";
import { openLevelDisk, readLevel } from "./level-disk.ts";
import type { OpenedStore } from "./opened-store.ts";
import { isDirectory, whatIsLeft } from "./salvage.ts";
import { StandInDisk } from "./stand-in-disk.ts";
import { tallyPath } from "./tally.ts";

export interface ReadOptions {
  /** What the last snapshot holds; asked only when the store is damaged. */
  readonly snapshot: () => Promise<readonly DiskRecord[]>;
  /** What was found wrong after a reading that had seemed to succeed. */
  readonly damage?: StoreDamagedError;
}

/** What a copy of a store gives. */
export interface StoreCopy {
  readonly records: readonly DiskRecord[];
  readonly health: StoreHealth;
}

/**
 * Reads a store without touching it: opening would rewrite its log, and delete tables that a damaged manifest no longer
 * names. So a copy is opened, and its records are held in memory. Of a damaged store that is what is readable and what a
 * snapshot has; healing it is the agent's. Throws {@link StoreBarredError} when this process may not read it,
 * `DiskFailed` where there never was a store.
 */
export async function readStore(directory: string, options: ReadOptions): Promise<OpenedStore> {
  const { records, health } = await readCopy(directory, options);
  const refusal = new DiskFailedError("the store is only read here");
  const open = () => Promise.reject(refusal);
  const disk = new StandInDisk({ records, refusal, open, monotonicMs: () => 0 });
  return { disk, health: () => health, accept: async () => {}, told: async () => {} };
}

/** The records that {@link readStore} holds. Throws as it does. */
export async function readCopy(directory: string, { snapshot, damage }: ReadOptions): Promise<StoreCopy> {
  const found = damage ?? (await openCopy(directory));
  if (!(found instanceof StoreDamagedError)) return found;
  const left = await inMemory((workshop) => whatIsLeft(directory, found, snapshot, workshop));
  const { salvaged, restored } = left ?? { salvaged: [], restored: [] };
  const counts = { salvaged: salvaged.length, restored: restored.length };
  return { records: [...salvaged, ...restored], health: { state: "damaged", reason: found.reason, ...counts } };
}

async function openCopy(directory: string): Promise<StoreCopy | StoreDamagedError> {
  try {
    const records = await inMemory((workshop) => readWhole(directory, workshop));
    return { records: records ?? [], health: { state: "sound" } };
  } catch (error) {
    if (error instanceof StoreDamagedError) return new StoreDamagedError(directory, error.reason);
    if (error instanceof StoreLaterError) return laterCopy(directory, error);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM") throw new StoreBarredError(directory, message, { cause: error });
    throw error;
  }
}

/** What this release understands of it. */
async function laterCopy(directory: string, { reason }: StoreLaterError): Promise<StoreCopy> {
  const records = await inMemory(async (workshop) => {
    await cp(directory, workshop, { recursive: true });
    return readLevel(workshop);
  });
  return { records: records ?? [], health: { state: "stand-in", reason } };
}

async function readWhole(directory: string, workshop: string): Promise<readonly DiskRecord[]> {
  const isThere = await isDirectory(directory);
  const isBegun = await copyIfThere(tallyPath(directory), tallyPath(workshop));
  // A home is whole only with its store.
  if (!isThere && !isBegun) throw new StoreDamagedError(directory, "it is gone");
  if (isThere) await cp(directory, workshop, { recursive: true });
  const disk = await openLevelDisk(workshop, { missing: "refuse" });
  try {
    return await disk.scan("");
  } finally {
    await disk.close();
  }
}

async function copyIfThere(from: string, to: string): Promise<boolean> {
  try {
    await cp(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
