import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StoreHealth } from "./health.ts";

export type Healed = Extract<StoreHealth, { readonly state: "healed" }>;

/** Among the files of the store itself, so that store and note come into their place in one step. LevelDB leaves it. */
const NAME = "HEALED";

/**
 * What was done to a store and was told to nobody yet. It goes when audit and log have it: whoever is killed in between
 * finds it at the next start, which would otherwise take what is left for all there ever was.
 */
export async function readHealingNote(directory: string, now: Date): Promise<Healed | null> {
  let note: Partial<Record<keyof Healed | "v", unknown>> | null;
  try {
    note = JSON.parse(await readFile(join(directory, NAME), "utf8")) as typeof note;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? null : unreadable(now);
  }
  const number = (value: unknown) => (typeof value === "number" ? value : 0);
  if (typeof note?.reason !== "string") return unreadable(now);
  return {
    state: "healed",
    atMs: number(note.atMs),
    reason: note.reason,
    quarantine: typeof note.quarantine === "string" ? note.quarantine : null,
    salvaged: number(note.salvaged),
    restored: number(note.restored),
  };
}

/** That it was healed is known, and no more. */
function unreadable(now: Date): Healed {
  const reason = "what was wrong cannot be read any more";
  return { state: "healed", atMs: now.getTime(), reason, quarantine: null, salvaged: 0, restored: 0 };
}

export async function writeHealingNote(directory: string, { state: _, ...note }: Healed): Promise<void> {
  const file = await open(join(directory, NAME), "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ v: 1, ...note })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function removeHealingNote(directory: string): Promise<void> {
  await rm(join(directory, NAME), { force: true });
}
