import { cp, link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ClassicLevel } from "classic-level";
import { DiskFullError, type DiskRecord } from "../../../core/ports/disk.ts";
import type { StoreDamagedError } from "./errors.ts";
import { isFull } from "./in-memory.ts";
import { readLevel } from "./level-disk.ts";

/** Damaged stores that are kept; the oldest goes when there is another, so that they do not fill the disk. */
const QUARANTINES_KEPT = 3;

const OPENED = "opened";

/**
 * Everything that can be read out of LevelDB files, whatever happened to them. They are not touched: it works on copies
 * in `workshop`, which is gone afterwards.
 *
 * It reads twice, because the ways see different things: an ordinary opening reads what the manifest names; repair
 * (LevelDB's `RepairDB`) finds tables that the manifest forgot, and drops what is damaged. Where both have a record,
 * repair has the newer one.
 */
export async function salvage(directory: string, workshop: string): Promise<DiskRecord[]> {
  const records = new Map<string, Uint8Array>();
  for (const way of ["opened", "repaired"] as const) {
    await rm(workshop, { recursive: true, force: true });
    try {
      await cp(directory, workshop, { recursive: true });
      if (way === "repaired") await ClassicLevel.repair(workshop);
      for (const { key, value } of await readLevel(workshop)) records.set(key, value);
    } catch (error) {
      // Of a copy that has no room nothing is known of the store.
      if (isFull(error)) throw error;
      // This way is closed; the other may be open.
    }
  }
  await rm(workshop, { recursive: true, force: true });
  // Damage may be in a key as well: ours are plain letters, and what stood there is among what is missing.
  return [...records].filter(([key]) => /^[ -~]+$/.test(key)).map(([key, value]) => ({ key, value }));
}

/**
 * What of a damaged store is readable, and what of the rest a snapshot has. Nothing is touched: it works on copies in
 * `workshop`.
 */
export async function whatIsLeft(
  directory: string,
  { altered }: StoreDamagedError,
  snapshot: () => Promise<readonly DiskRecord[]>,
  workshop: string,
): Promise<{ readonly salvaged: readonly DiskRecord[]; readonly restored: readonly DiskRecord[] }> {
  const found = new Map<string, DiskRecord>();
  for (const place of await damagedFiles(directory)) {
    for (const record of await salvage(place, workshop)) found.set(record.key, record);
  }
  const readable = [...found.values()];
  const known = new Set(readable.map(({ key }) => key));
  const restored = (await snapshot()).filter(({ key }) => !known.has(key) || altered.has(key));
  const again = new Set(restored.map(({ key }) => key));
  return { salvaged: readable.filter(({ key }) => !again.has(key)), restored };
}

/** The files as they were before the opening that failed. */
export function asidePath(directory: string): string {
  return `${directory}.before`;
}

/**
 * Those of a store that is damaged, the older first: what was kept from the opening may be complete where the opening
 * let go of tables, and what was opened is newer where an opening was interrupted long ago.
 */
async function damagedFiles(directory: string): Promise<readonly string[]> {
  const places = [asidePath(directory), directory];
  const there = await Promise.all(places.map(isDirectory));
  return places.filter((_, at) => there[at]);
}

export async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/**
 * The files of a store as they are now, kept from what opening does to them: LevelDB deletes tables that its manifest
 * does not name, also when the manifest is the part that is damaged. Tables cost no space where links are possible.
 */
export async function keepAside(directory: string, aside: string): Promise<void> {
  // Another process may do the same now: neither may take the other's half for the whole.
  const begun = `${aside}.${process.pid}`;
  await rm(begun, { recursive: true, force: true });
  await mkdir(begun, { mode: 0o700 });
  try {
    for (const name of await readdir(directory)) {
      const [from, to] = [join(directory, name), join(begun, name)];
      // Tables are never written again; what is appended to has to be copied.
      if (/[.](ldb|sst)$/.test(name)) await link(from, to).catch(() => cp(from, to));
      else if (name !== "LOCK") await cp(from, to, { recursive: true });
    }
  } catch (error) {
    await rm(begun, { recursive: true, force: true });
    throw isFull(error) ? new DiskFullError({ cause: error }) : error;
  }
  // All of them or none: what is here is read in the place of the store.
  await rename(begun, aside);
}

/** Lets go of what {@link keepAside} kept, by whichever process. */
export async function dropAside(directory: string): Promise<void> {
  await rm(asidePath(directory), { recursive: true, force: true });
  await dropAsideBegun(directory);
}

/** Lets go of what was not kept to its end. */
export async function dropAsideBegun(directory: string): Promise<void> {
  const [parent, begun] = [dirname(directory), `${basename(asidePath(directory))}.`];
  const names = (await readdir(parent)).filter((name) => name.startsWith(begun));
  for (const name of names) await rm(join(parent, name), { recursive: true, force: true });
}

/** Where the damaged files will lie; null when there are none. */
export async function quarantinePath(directory: string, now: Date): Promise<string | null> {
  if ((await damagedFiles(directory)).length === 0) return null;
  const place = `${directory}.damaged-${now.toISOString().replaceAll(":", "-")}`;
  let free = place;
  for (let again = 2; await isDirectory(free); again++) free = `${place}-${again}`;
  return free;
}

/** Moves damaged files out of the way, beside their store. Interrupted, it can be done again. */
export async function quarantine(directory: string, place: string): Promise<void> {
  for (const from of await damagedFiles(directory)) {
    // What the opening made of them lies within.
    await rename(from, (await isDirectory(place)) ? join(place, OPENED) : place);
  }
  const [parent, prefix] = [dirname(directory), `${basename(directory)}.damaged-`];
  const kept = (await readdir(parent)).filter((name) => name.startsWith(prefix)).sort();
  for (const name of kept.slice(0, -QUARANTINES_KEPT)) await rm(join(parent, name), { recursive: true, force: true });
}
