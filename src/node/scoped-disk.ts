import type { Disk } from "../core/ports/disk.ts";

/** A part of a disk: everything under one prefix, as if it were all there is. Closing it closes nothing. */
export function scopedDisk(disk: Disk, prefix: string): Disk {
  return {
    append: (batch, sync) =>
      disk.append(
        batch.map(({ key, value }) => ({ key: prefix + key, value })),
        sync,
      ),
    read: (key) => disk.read(prefix + key),
    scan: async (under, { after, before } = {}) => {
      const within = {
        ...(after === undefined ? {} : { after: prefix + after }),
        ...(before === undefined ? {} : { before: prefix + before }),
      };
      const records = await disk.scan(prefix + under, within);
      return records.map(({ key, value }) => ({ key: key.slice(prefix.length), value }));
    },
    count: (under) => disk.count(prefix + under),
    remove: (keys, sync) =>
      disk.remove(
        keys.map((key) => prefix + key),
        sync,
      ),
    close: async () => {},
  };
}
