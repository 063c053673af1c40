import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Works on copies of a store's files in a place that is gone afterwards: in memory, because the disk of the store may
 * take no more, or else where temporary files go. Where `work` finds nothing (null) or no room the next place is tried.
 */
export async function inMemory<T>(work: (workshop: string) => Promise<T | null>): Promise<T | null> {
  let full: unknown = null;
  for (const place of ["/dev/shm", tmpdir()]) {
    const room = await mkdtemp(join(place, "lab-store-")).catch((error: unknown) => {
      full = error;
      return null;
    });
    if (room === null) continue;
    try {
      const found = await work(join(room, "store"));
      if (found !== null) return found;
    } catch (error) {
      if (!isFull(error)) throw error;
      full = error;
    } finally {
      await rm(room, { recursive: true, force: true });
    }
  }
  if (full !== null) throw full;
  return null;
}

/** As file system, LevelDB or a store here says it. */
export function isFull(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = "code" in cause ? cause.code : undefined;
    if (code === "ENOSPC" || code === "EDQUOT" || code === "DiskFull") return true;
    if (/No space left on device|Disk quota exceeded/.test(cause.message)) return true;
  }
  return false;
}
