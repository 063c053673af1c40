import type { Disk, DiskRecord, KeyRange } from "../../src/core/ports/disk.ts";

type Change =
  | { readonly is: "append"; readonly batch: readonly DiskRecord[]; readonly sync: boolean }
  | { readonly is: "remove"; readonly keys: readonly string[]; readonly sync: boolean };

/**
 * A disk in memory that settles at once, as virtual time asks, and that keeps every batch in its order for a store on
 * a real disk.
 */
export class MirroredDisk implements Disk {
  readonly #inner: Disk;
  #changes: Change[] = [];

  constructor(inner: Disk) {
    this.#inner = inner;
  }

  async append(batch: readonly DiskRecord[], sync: boolean): Promise<void> {
    await this.#inner.append(batch, sync);
    this.#changes.push({ is: "append", batch, sync });
  }

  async remove(keys: readonly string[], sync: boolean): Promise<void> {
    await this.#inner.remove(keys, sync);
    this.#changes.push({ is: "remove", keys, sync });
  }

  read(key: string): Promise<Uint8Array | undefined> {
    return this.#inner.read(key);
  }

  scan(prefix: string, within?: KeyRange): Promise<DiskRecord[]> {
    return this.#inner.scan(prefix, within);
  }

  count(prefix: string): Promise<number> {
    return this.#inner.count(prefix);
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  /** Does to a real store what was done here since the last time. */
  async repeatOn(store: Disk): Promise<void> {
    for (const change of this.#changes.splice(0)) {
      if (change.is === "append") await store.append(change.batch, change.sync);
      else await store.remove(change.keys, change.sync);
    }
  }
}
