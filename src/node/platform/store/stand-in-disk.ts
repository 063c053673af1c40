import { equalBytes } from "../../../core/bytes.ts";
import { type Disk, DiskFailedError, type DiskRecord, isWithin, type KeyRange } from "../../../core/ports/disk.ts";

/** How often a write tries whether the store can be opened by now. */
const RETRY_MS = 10_000;

export interface StandInParts {
  readonly records: readonly DiskRecord[];
  /** Why the store cannot be opened; what writes fail with. */
  readonly refusal: unknown;
  /** Opens the store itself. */
  open(): Promise<Disk>;
  monotonicMs(): number;
}

/**
 * Answers reads from memory while the store cannot be opened for writing. Every write fails, so that nothing is
 * acknowledged that is not kept; as soon as one can open the store, that takes over, if it has the same records.
 */
export class StandInDisk implements Disk {
  readonly #parts: StandInParts;
  readonly #records: Map<string, Uint8Array>;
  #store: Disk | null = null;
  #opening: Promise<void> | null = null;
  #triedMs: number;
  #refusal: unknown;

  constructor(parts: StandInParts) {
    this.#parts = parts;
    this.#refusal = parts.refusal;
    this.#records = new Map(parts.records.map(({ key, value }) => [key, value]));
    this.#triedMs = parts.monotonicMs();
  }

  get standsIn(): boolean {
    return this.#store === null;
  }

  async append(batch: readonly DiskRecord[], sync: boolean): Promise<void> {
    await (await this.#writable()).append(batch, sync);
  }

  async remove(keys: readonly string[], sync: boolean): Promise<void> {
    await (await this.#writable()).remove(keys, sync);
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    if (this.#store !== null) return this.#store.read(key);
    const value = this.#records.get(key);
    return value && new Uint8Array(value);
  }

  async scan(prefix: string, within: KeyRange = {}): Promise<DiskRecord[]> {
    if (this.#store !== null) return this.#store.scan(prefix, within);
    const found = [...this.#records].filter(([key]) => key.startsWith(prefix) && isWithin(key, within));
    return found
      .map(([key, value]) => ({ key, value: new Uint8Array(value) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async count(prefix: string): Promise<number> {
    if (this.#store !== null) return this.#store.count(prefix);
    return [...this.#records.keys()].filter((key) => key.startsWith(prefix)).length;
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  async #writable(): Promise<Disk> {
    if (this.#store === null) {
      this.#opening ??= this.#tryToOpen().finally(() => (this.#opening = null));
      await this.#opening;
    }
    if (this.#store === null) throw this.#refusal;
    return this.#store;
  }

  async #tryToOpen(): Promise<void> {
    const nowMs = this.#parts.monotonicMs();
    if (nowMs - this.#triedMs < RETRY_MS) return;
    this.#triedMs = nowMs;
    try {
      const store = await this.#parts.open();
      if (await this.#isCopyOf(store)) {
        this.#store = store;
        this.#records.clear();
        return;
      }
      await store.close();
      this.#refusal = new DiskFailedError("the store can be opened again, and has more than could be read of it", {
        hint: "lab agent stop; lab agent --detach",
      });
    } catch {
      // Still barred: the next write tries again.
    }
  }

  /** Whoever read something else would write its own places and counts over what is there. */
  async #isCopyOf(store: Disk): Promise<boolean> {
    const records = await store.scan("");
    if (records.length !== this.#records.size) return false;
    return records.every(({ key, value }) => equalBytes(value, this.#records.get(key) ?? NOTHING));
  }
}

const NOTHING = new Uint8Array(0);
