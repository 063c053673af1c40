import type { Disk, DiskRecord } from "../core/ports/disk.ts";
import { readNotedTime, timeRecord } from "./noted-time.ts";

/*
 * A store that lost records once does not know which. Entries come back from peers; what only this disk had does not,
 * such as which key a coordinator had given a token to. So the time of the loss is kept, and judged by whoever had it.
 */

const KEY = "loss";

/** What a store holds that lost something at this time. */
export function lossRecord(atMs: number): DiskRecord {
  return timeRecord(KEY, atMs);
}

/** Remembers that from before this time (by this machine's clock) something is missing for ever. */
export async function noteLoss(disk: Disk, atMs: number): Promise<void> {
  await disk.append([lossRecord(atMs)], true);
}

/** When records were lost last; null if none ever were. */
export async function readLoss(disk: Disk, nowMs: number): Promise<number | null> {
  return readNotedTime(disk, KEY, nowMs);
}
