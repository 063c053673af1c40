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
    scan: async (under) =>
      (await disk.scan(prefix + under)).map(({ key, value }) => ({ key: key.slice(prefix.length), value })),
    remove: (keys, sync) =>
      disk.remove(
        keys.map((key) => prefix + key),
        sync,
      ),
    close: async () => {},
  };
}
