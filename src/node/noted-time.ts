import { decode, encode, MalformedError } from "../core/encoding.ts";
import { readFields, readNumber } from "../core/fields.ts";
import type { Disk, DiskRecord } from "../core/ports/disk.ts";

/** What a store holds that remembers one time under this key. */
export function timeRecord(key: string, atMs: number): DiskRecord {
  return { key, value: encode({ v: 1, at: atMs }) };
}

/**
 * The time that is remembered under a key; null if none is. That one was noted is known also of a damaged record: then
 * it was now, as late as it can have been, and that is remembered instead, or every reading would be later.
 */
export async function readNotedTime(disk: Disk, key: string, nowMs: number): Promise<number | null> {
  const noted = await disk.read(key);
  if (noted === undefined) return null;
  const atMs = readTime(noted);
  if (atMs !== null) return atMs;
  // A disk that takes nothing now has it damaged the next time, too.
  await disk.append([timeRecord(key, nowMs)], false).catch(() => undefined);
  return nowMs;
}

function readTime(value: Uint8Array): number | null {
  try {
    return readNumber(readFields(decode(value)).at);
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}
