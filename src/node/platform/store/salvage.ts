import { cp, link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ClassicLevel } from "classic-level";
import { DiskFullError, type DiskRecord } from "../../../core/ports/disk.ts";
import type { StoreDamagedError } from "./errors.ts";
import { readLevel } from "./level-disk.ts";

/** Damaged stores that are kept; the oldest goes when there is another, so that they do not fill the disk. */
const QUARANTINES_KEPT = 3;

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
    } catch {
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
  const from = await damagedFiles(directory);
  const readable = from === null ? [] : await salvage(from, workshop);
  const known = new Set(readable.map(({ key }) => key));
  const restored = (await snapshot()).filter(({ key }) => !known.has(key) || altered.has(key));
  const again = new Set(restored.map(({ key }) => key));
  return { salvaged: readable.filter(({ key }) => !again.has(key)), restored };
}

/** The files as they were before the opening that failed. */
export function asidePath(directory: string): string {
  return `${directory}.before`;
}

/** Those of a store that is damaged: null where there are none at all. */
export async function damagedFiles(directory: string): Promise<string | null> {
  for (const place of [asidePath(directory), directory]) if (await isDirectory(place)) return place;
  return null;
}

export async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/**
 * The files of a store as they are now, kept from what opening does to them: LevelDB deletes tables that its manifest
 * does not name, also when the manifest is the part that is damaged. Tables cost no space where links are possible.
 */
export async function keepAside(directory: string, aside: string): Promise<void> {
  const begun = `${aside}.new`;
  for (const left of [aside, begun]) await rm(left, { recursive: true, force: true });
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
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ENOSPC" || code === "EDQUOT" ? new DiskFullError({ cause: error }) : error;
  }
  // All of them or none: what is here is read in the place of the store.
  await rename(begun, aside);
}

/** Moves damaged files out of the way, beside their store. */
export async function quarantine(directory: string, from: string, stamp: string): Promise<string> {
  const place = `${directory}.damaged-${stamp}`;
  await rm(place, { recursive: true, force: true });
  await rename(from, place);
  const [parent, prefix] = [dirname(directory), `${basename(directory)}.damaged-`];
  const kept = (await readdir(parent)).filter((name) => name.startsWith(prefix)).sort();
  for (const name of kept.slice(0, -QUARANTINES_KEPT)) await rm(join(parent, name), { recursive: true, force: true });
  return place;
}
