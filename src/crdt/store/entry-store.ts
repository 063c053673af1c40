import { concat, equalBytes } from "../../core/bytes.ts";
import type { Disk, DiskRecord } from "../../core/ports/disk.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { recurringHex } from "../../core/recurring-hex.ts";
import type { ChainHeader, Entry } from "../entry/entry.ts";

/** What of the store was readable at start. */
export interface Stored {
  /** Every entry after what it builds on: authority, chains, observed records. */
  readonly records: readonly { readonly key: string; readonly bytes: Uint8Array }[];
  /** Keys of records whose checksum is wrong: set aside, asked for again from peers. */
  readonly damaged: readonly string[];
}

const CHECKSUM_BYTES = 8;

/**
 * The log of all entries on a {@link Disk}. Keys sort so that a scan gives every entry after what it builds on; every
 * record carries its own checksum, because a disk and LevelDB may hand back other bytes than were written.
 */
export class EntryStore {
  readonly #disk: Disk;
  readonly #keys: Pick<Keys, "hash">;
  #authorityCount = 0;

  constructor(disk: Disk, keys: Pick<Keys, "hash">) {
    this.#disk = disk;
    this.#keys = keys;
  }

  async load(): Promise<Stored> {
    const damaged: string[] = [];
    const records: { key: string; bytes: Uint8Array }[] = [];
    for (const prefix of ["a/", "c/", "o/"]) {
      for (const { key, value } of await this.#disk.scan(prefix)) {
        const bytes = this.#open(value);
        if (bytes === null) damaged.push(key);
        else records.push({ key, bytes });
        if (prefix === "a/") this.#authorityCount = Number(key.slice(2)) + 1;
      }
    }
    return { records, damaged };
  }

  authorityRecord(entry: Entry): DiskRecord {
    return { key: `a/${String(this.#authorityCount++).padStart(10, "0")}`, value: this.#seal(entry.bytes) };
  }

  chainRecord(entry: Entry<ChainHeader>): DiskRecord {
    const { log, class: chainClass, seq } = entry.header;
    const key = `c/${recurringHex(log)}/${String(chainClass).padStart(3, "0")}/${String(seq).padStart(12, "0")}/${entry.id.slice(0, 16)}`;
    return { key, value: this.#seal(entry.bytes) };
  }

  /** `slot` 0 is the record itself; a second one of the same version is kept in slot 1 as proof of the fork. */
  observedRecord(entry: Entry, slot: number): DiskRecord {
    return { key: `o/${recurringHex(entry.header.log)}/${slot}`, value: this.#seal(entry.bytes) };
  }

  async write(records: readonly DiskRecord[]): Promise<void> {
    await this.#disk.append(records, true);
  }

  #seal(bytes: Uint8Array): Uint8Array {
    return concat(this.#keys.hash(bytes).subarray(0, CHECKSUM_BYTES), bytes);
  }

  #open(value: Uint8Array): Uint8Array | null {
    if (value.length < CHECKSUM_BYTES) return null;
    const bytes = value.subarray(CHECKSUM_BYTES);
    return equalBytes(this.#keys.hash(bytes).subarray(0, CHECKSUM_BYTES), value.subarray(0, CHECKSUM_BYTES))
      ? bytes
      : null;
  }
}
