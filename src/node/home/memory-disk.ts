import { type Disk, type DiskRecord, isWithin } from "../../core/ports/disk.ts";

/** Keeps nothing: for a replica that is only looked at. */
export function memoryDisk(): Disk {
  const records = new Map<string, Uint8Array>();
  return {
    append: async (batch) => {
      for (const { key, value } of batch) records.set(key, value);
    },
    read: async (key) => records.get(key),
    scan: async (prefix, within = {}): Promise<DiskRecord[]> =>
      [...records]
        .filter(([key]) => key.startsWith(prefix) && isWithin(key, within))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value })),
    count: async (prefix) => [...records.keys()].filter((key) => key.startsWith(prefix)).length,
    remove: async (keys) => {
      for (const key of keys) records.delete(key);
    },
    close: async () => {},
  };
}
