import type { Disk, DiskRecord } from "../core/ports/disk.ts";

/** Keeps nothing: for a replica that is only looked at. */
export function memoryDisk(): Disk {
  const records = new Map<string, Uint8Array>();
  return {
    append: async (batch) => {
      for (const { key, value } of batch) records.set(key, value);
    },
    read: async (key) => records.get(key),
    scan: async (prefix): Promise<DiskRecord[]> =>
      [...records]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value })),
    remove: async (keys) => {
      for (const key of keys) records.delete(key);
    },
    close: async () => {},
  };
}
