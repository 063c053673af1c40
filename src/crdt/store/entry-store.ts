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
  /** How many records fewer there are than were written. */
  readonly missing: number;
}

/** How many records of authority and chains there are: a store may lose some in the middle and hand back the rest. */
const COUNT_KEY = "n";

const CHECKSUM_BYTES = 8;

/**
 * The log of all entries on a {@link Disk}. Keys sort so that a scan gives every entry after what it builds on; every
 * record carries its own checksum, because a disk and LevelDB may hand back other bytes than were written.
 */
export class EntryStore {
  readonly #disk: Disk;
  readonly #keys: Pick<Keys, "hash">;
  #authorityCount = 0;
  /** Readable records of authority and chains, which are never replaced. */
  #count = 0;

  constructor(disk: Disk, keys: Pick<Keys, "hash">) {
    this.#disk = disk;
    this.#keys = keys;
  }

  async load(): Promise<Stored> {
    const damaged: string[] = [];
    const records: { key: string; bytes: Uint8Array }[] = [];
    let found = 0;
    for (const prefix of ["a/", "c/", "o/"]) {
      for (const { key, value } of await this.#disk.scan(prefix)) {
        const bytes = this.#open(value);
        if (bytes === null) damaged.push(key);
        else records.push({ key, bytes });
        if (prefix !== "o/" && bytes !== null) found++;
        if (prefix === "a/") this.#authorityCount = Number(key.slice(2)) + 1;
      }
    }
    const counted = await this.#counted();
    this.#count = found;
    const unreadable = damaged.filter((key) => !key.startsWith("o/")).length;
    return { records, damaged, missing: Math.max(0, counted - found - unreadable) };
  }

  /** Zero where the store is of a release that did not count, or where the count itself is damaged. */
  async #counted(): Promise<number> {
    const value = await this.#disk.read(COUNT_KEY);
    const bytes = value === undefined ? null : this.#open(value);
    return bytes === null ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }

  /** From now on what was found is all there is: the loss has been told. */
  async acceptLoss(damaged: readonly string[]): Promise<void> {
    await this.#disk.remove(damaged, false);
    await this.write([]);
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
    const count = this.#count + records.filter(({ key }) => !key.startsWith("o/")).length;
    const counted = new Uint8Array(4);
    new DataView(counted.buffer).setUint32(0, count);
    await this.#disk.append([...records, { key: COUNT_KEY, value: this.#seal(counted) }], true);
    this.#count = count;
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
