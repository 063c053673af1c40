import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { tablesNamed } from "./manifest.ts";

/*
 * A compaction that finds no room leaves what it has written. LevelDB lets go of that as soon as it opens the store
 * again, for which it takes room first: on a disk that its own leavings fill it never would.
 */

/** A table that the store does not consist of. */
interface LeftOver {
  readonly name: string;
  readonly bytes: number;
  readonly changedMs: number;
}

/** How much {@link clearLeftOver} would make free. */
export async function leftOverBytes(directory: string): Promise<number> {
  return (await tablesLeftOver(directory)).reduce((sum, { bytes }) => sum + bytes, 0);
}

export interface ClearOptions {
  /** Where a start that did not come to its end may have kept links to the same tables: they go as well. */
  readonly aside?: string;
  /** Only what is older: whoever may have opened the store since writes newer ones. */
  readonly before?: Date;
}

/**
 * Lets go of the tables that the manifest does not name, if it is whole and all that it names are there: what LevelDB
 * does on opening. For a store that nobody has open, and that was read as a whole without them. Returns how many they
 * were.
 */
export async function clearLeftOver(directory: string, { aside, before }: ClearOptions = {}): Promise<number> {
  const found = (await tablesLeftOver(directory)).filter(
    ({ changedMs }) => before === undefined || changedMs < before.getTime(),
  );
  for (const { name } of found) {
    const path = join(directory, name);
    const { ino } = await stat(path);
    await rm(path);
    const link = aside === undefined ? null : join(aside, name);
    if (link !== null && (await stat(link).catch(() => null))?.ino === ino) await rm(link);
  }
  return found.length;
}

async function tablesLeftOver(directory: string): Promise<readonly LeftOver[]> {
  const named = await readNamed(directory);
  if (named === null) return [];
  const leftOver: LeftOver[] = [];
  let there = 0;
  for (const name of await readdir(directory)) {
    const number = /^(\d+)[.](?:ldb|sst)$/.exec(name)?.[1];
    if (number === undefined) continue;
    const { size, mtimeMs } = await stat(join(directory, name));
    const wanted = named.get(Number(number));
    if (wanted === undefined) leftOver.push({ name, bytes: size, changedMs: mtimeMs });
    else if (wanted === size) there++;
  }
  // A manifest that names none may as well have lost its edits.
  return there > 0 && there === named.size ? leftOver : [];
}

async function readNamed(directory: string): Promise<ReadonlyMap<number, number> | null> {
  const manifest = (await readFile(join(directory, "CURRENT"), "ascii").catch(() => "")).trim();
  if (!/^MANIFEST-\d+$/.test(manifest)) return null;
  const bytes = await readFile(join(directory, manifest)).catch(() => null);
  return bytes === null ? null : tablesNamed(bytes);
}
