import { chmod, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "../../../core/errors.ts";
import type { DiskRecord } from "../../../core/ports/disk.ts";
import { StoreDamagedError } from "./errors.ts";
import { type Healed, readHealingNote, removeHealingNote, writeHealingNote } from "./healing-note.ts";
import { isFull } from "./in-memory.ts";
import { clearLeftOver } from "./left-over.ts";
import { lockStore, openLevelDisk, requireKnownFormat } from "./level-disk.ts";
import type { OpenedStore } from "./opened-store.ts";
import { readCopy } from "./read-store.ts";
import {
  asidePath,
  dropAside,
  dropAsideBegun,
  isDirectory,
  keepAside,
  quarantine,
  quarantinePath,
  whatIsLeft,
} from "./salvage.ts";
import { StandInDisk } from "./stand-in-disk.ts";
import { tallyPath } from "./tally.ts";

export interface StoreOptions {
  /** Names the quarantine. */
  readonly now: () => Date;
  readonly monotonicMs: () => number;
  /** What the last snapshot holds; asked only when the store is damaged. */
  readonly snapshot: () => Promise<readonly DiskRecord[]>;
  /** What a store is given that lost something then, in the same step in which it is healed; nothing without it. */
  readonly mark?: (at: Date) => DiskRecord;
  /** What was found wrong after an opening that had seemed to succeed. */
  readonly damage?: StoreDamagedError;
}

/** Records of a healed store are written so many at a time. */
const PORTION = 1000;

/**
 * Opens the store of a home whatever happened to it: what is damaged is salvaged and kept aside, and what cannot be
 * written is stood in for by a copy in memory. That there is none is damage, too. Throws `HomeInUse`, when another
 * process has it open or heals it, and nothing else.
 */
export async function openStore(directory: string, options: StoreOptions): Promise<OpenedStore> {
  const { damage } = options;
  const begun = options.now();
  let found: unknown = damage;
  try {
    if (damage === undefined && !(await isDirectory(readyPath(directory)))) {
      return await openAsItIs(directory, await mendPermissions(directory), options);
    }
  } catch (error) {
    if (isOthers(error)) throw error;
    // What is wrong may be that another process heals it just now: that is known when this one is alone.
    found = error;
  }
  try {
    return await openOrHeal(directory, found, options);
  } catch (error) {
    if (isOthers(error)) throw error;
    return (await openCleared(directory, error, begun, options)) ?? (await standIn(directory, error, options));
  }
}

/**
 * Where the disk is full: opens the store once it has let go of what a compaction left, and needs no room for that.
 * Null where there is nothing of the kind, or it is not enough.
 */
async function openCleared(
  directory: string,
  error: unknown,
  begun: Date,
  options: StoreOptions,
): Promise<OpenedStore | null> {
  if (!isFull(error)) return null;
  const copy = await readCopy(directory, options).catch(() => null);
  if (copy?.health.state !== "sound") return null;
  const cleared = await clearLeftOver(directory, { aside: asidePath(directory), before: begun });
  if (cleared === 0) return null;
  return openOrHeal(directory, error, options).catch((again: unknown) => {
    if (isOthers(again)) throw again;
    return null;
  });
}

/** Throws what keeps it from being opened, and from being healed. `found` is what is known of that. */
async function openOrHeal(directory: string, found: unknown, options: StoreOptions): Promise<OpenedStore> {
  await requireKnownFormat(directory);
  return alone(directory, found, async () => {
    await finishHealing(directory, options);
    if (isFull(found)) await dropUnfinished(directory);
    const opened = await openAsItIs(directory, await mendPermissions(directory), options).catch((error: unknown) => {
      if (error instanceof StoreDamagedError) return error;
      throw error;
    });
    if (opened instanceof StoreDamagedError) return heal(directory, opened, options);
    if (options.damage === undefined) return opened;
    await opened.disk.close();
    return heal(directory, options.damage, options);
  });
}

function isOthers(error: unknown): boolean {
  return error instanceof LabError && error.code === "HomeInUse";
}

type Permissions = "right" | "mended";

async function openAsItIs(directory: string, permissions: Permissions, { now }: StoreOptions): Promise<OpenedStore> {
  await requireKnownFormat(directory);
  const aside = asidePath(directory);
  // One that is there is of a start that did not come to its end: it has what that one's opening let go of.
  const keeps = (await isDirectory(directory)) && !(await isDirectory(aside));
  if (keeps) await keepAside(directory, aside);
  try {
    const disk = await openLevelDisk(directory, { missing: "lost" });
    const healed = await readHealingNote(directory, now());
    return {
      disk,
      health: () => healed ?? { state: permissions === "mended" ? "mended" : "sound" },
      accept: () => dropAside(directory),
      told: () => removeHealingNote(directory),
    };
  } catch (error) {
    // Whoever heals it may read what was kept.
    if (keeps && isOthers(error)) await alone(directory, error, () => dropAside(directory)).catch(() => undefined);
    throw error;
  }
}

/**
 * Two processes that heal one store would take each other's halves for the whole. The lock is LevelDB's on a directory
 * of its own, which the kernel lets go of with the process. Throws `HomeInUse`, and `found` where no lock can be made:
 * nothing can be healed there.
 */
async function alone<T>(directory: string, found: unknown, work: () => Promise<T>): Promise<T> {
  const lock = () => lockStore(directory, `${directory}.healing`);
  const unlock = await lock()
    .catch(async (error: unknown) => {
      if (!isFull(error)) throw error;
      // It would have said so first if somebody held it.
      await dropUnfinished(directory);
      return lock();
    })
    .catch((error: unknown) => {
      throw isOthers(error) ? error : (found ?? error);
    });
  try {
    return await work();
  } finally {
    await unlock();
  }
}

/** A healed store that is whole and not yet in its place. */
function readyPath(directory: string): string {
  return `${directory}.healed`;
}

/** Where salvaging works on copies. */
function workshopPath(directory: string): string {
  return `${directory}.salvage`;
}

/** Where a healed store is written. */
function freshPath(directory: string): string {
  return `${directory}.fresh`;
}

/** Lets go of what healings and starts that were interrupted had begun: whoever goes on begins anew. */
async function dropUnfinished(directory: string): Promise<void> {
  const fresh = freshPath(directory);
  for (const path of [workshopPath(directory), fresh, tallyPath(fresh)])
    await rm(path, { recursive: true, force: true });
  await dropAsideBegun(directory);
}

/** Builds the store anew from what is readable and from the last snapshot. */
async function heal(directory: string, damage: StoreDamagedError, options: StoreOptions): Promise<OpenedStore> {
  const { now, snapshot } = options;
  // Healed before, and not told yet.
  const before = await readHealingNote(directory, now());
  // Of a healing that was interrupted: it takes room, and its tally counts what the store that is begun here lacks.
  await dropUnfinished(directory);
  const { salvaged, restored } = await whatIsLeft(directory, damage, snapshot, workshopPath(directory));

  const fresh = freshPath(directory);
  const disk = await openLevelDisk(fresh);
  const records = marked([...salvaged, ...restored], options);
  for (let at = 0; at < records.length; at += PORTION) await disk.append(records.slice(at, at + PORTION), true);
  await disk.close();
  await rm(tallyPath(fresh), { force: true });
  const healed: Healed = {
    state: "healed",
    atMs: now().getTime(),
    reason: before === null ? damage.reason : `${before.reason}; then ${damage.reason}`,
    quarantine: await quarantinePath(directory, now()),
    salvaged: salvaged.length,
    restored: restored.length,
  };
  await writeHealingNote(fresh, healed);
  // From here on an interruption ends with the healed store, before with the damaged one.
  await rename(fresh, readyPath(directory));
  await finishHealing(directory, options);
  return openAsItIs(directory, "right", options);
}

function marked(records: readonly DiskRecord[], { now, mark }: StoreOptions): readonly DiskRecord[] {
  const record = mark?.(now());
  return record === undefined ? records : [...records.filter(({ key }) => key !== record.key), record];
}

/** Puts a healed store in its place, and the damaged files beside it. */
async function finishHealing(directory: string, { now }: StoreOptions): Promise<void> {
  const ready = readyPath(directory);
  if (!(await isDirectory(ready))) return;
  const place = (await readHealingNote(ready, now()))?.quarantine ?? (await quarantinePath(directory, now()));
  if (place !== null) await quarantine(directory, place);
  await rm(tallyPath(directory), { force: true });
  await rename(ready, directory);
}

/** Reads what can be read into memory, so that the agent answers while its store cannot be written. */
async function standIn(directory: string, error: unknown, options: StoreOptions): Promise<OpenedStore> {
  const reason = error instanceof Error ? error.message : String(error);
  const at = options.now();
  // Whatever it is healed from later was lost now.
  const asOfNow: StoreOptions = { ...options, now: () => at };
  // Empty where not even a copy can be made.
  const copy = await readCopy(directory, options).catch(() => null);
  const records = copy?.records ?? [];
  let opened: OpenedStore | null = null;
  const disk = new StandInDisk({
    records: copy?.health.state === "damaged" ? marked(records, asOfNow) : records,
    refusal: error,
    open: async () => {
      opened = await openOrHeal(directory, error, asOfNow);
      return opened.disk;
    },
    monotonicMs: options.monotonicMs,
  });
  return {
    disk,
    health: () => (disk.standsIn ? { state: "stand-in", reason } : (opened?.health() ?? { state: "sound" })),
    // What the copy was read from is whole without it, and the room may be all that is missing.
    accept: async () => (isFull(error) && copy?.health.state === "sound" ? dropAside(directory) : undefined),
    told: async () => opened?.told(),
  };
}

/** Gives the owner back what the permissions forbid, of store and tally. */
async function mendPermissions(directory: string): Promise<Permissions> {
  const found = await stat(directory).catch(() => null);
  if (found === null || found.uid !== process.getuid?.()) return "right";
  let mended = await allow(directory, 0o700);
  const files = (await readdir(directory)).map((name) => join(directory, name));
  for (const path of [tallyPath(directory), ...files]) if (await allow(path, 0o600)) mended = true;
  return mended ? "mended" : "right";
}

/** True if something had to be changed, of what is there and belongs to this user. */
async function allow(path: string, wanted: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (found === null || found.uid !== process.getuid?.() || (found.mode & wanted) === wanted) return false;
  await chmod(path, (found.mode & 0o777) | wanted);
  return true;
}
