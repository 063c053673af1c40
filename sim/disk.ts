import type { Clock } from "../src/core/ports/clock.ts";
import {
  type Disk,
  DiskFailedError,
  DiskFullError,
  type DiskRecord,
  isWithin,
  type KeyRange,
} from "../src/core/ports/disk.ts";
import type { Random } from "../src/core/ports/random.ts";

export interface SimDiskOptions {
  /** Decides what a power cut leaves, which bit flips, and how long a write takes. */
  readonly random: Random;
  /** With a clock, a write takes up to `latencyMs` of its time; without, it is there at once. */
  readonly clock?: Clock;
  /** Largest latency of a write; default 5. */
  readonly latencyMs?: number;
  /** What a power cut does to the batch that was being written. Default `whole`. */
  readonly cut?: CutBatch;
  /** Where values are kept, of its own unless given. */
  readonly room?: Room;
}

/** What a power cut does to the batch that was being written: keeps it whole or leaves it out, or keeps the first part. */
export type CutBatch = "whole" | "tear";

interface Change {
  readonly key: string;
  /** Undefined removes. */
  readonly value: Uint8Array | undefined;
}

type Records = Map<string, Uint8Array>;

interface Write {
  readonly changes: Change[];
  readonly sync: boolean;
  readonly done: () => void;
}

/** What outlives the process that had it open. */
interface Platter {
  /** What can be read. */
  written: Records;
  /** What survives a power cut; null while that is all that can be read, as it mostly is. */
  synced: Records | null;
  /** Of keys and values in {@link written}. */
  bytes: number;
  /** Batches between the two, oldest first. */
  unsynced: Change[][];
  full: boolean;
  /** Each write takes up to so much longer. */
  slownessMs: number;
  /** Called once. */
  atWrite: (() => void) | null;
  readonly room: Room;
  readonly counters: DiskCounters;
}

const PIECE_BYTES = 64 * 1024;
/** Values that are looked for before they are copied. */
const MOST_KNOWN = 100_000;

/**
 * Copies of many small values side by side: memory of its own for each would cost more than the copy. Of a value that
 * many disks have there is one copy; nobody changes it, as damage is done to another.
 */
export class Room {
  #piece = new Uint8Array(0);
  #at = 0;
  readonly #known = new Map<string, Uint8Array>();
  readonly #keys = new Map<string, string>();

  /** The same text, and in one piece: keys are put together from parts, which would stay. */
  key(key: string): string {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    if (this.#keys.size >= MOST_KNOWN) this.#keys.clear();
    this.#keys.set(key, key);
    return key;
  }

  copy(value: Uint8Array): Uint8Array {
    if (value.length > PIECE_BYTES / 8) return new Uint8Array(value);
    const all = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
    let copy = this.#known.get(all);
    if (copy === undefined) {
      copy = this.#place(value);
      if (this.#known.size >= MOST_KNOWN) this.#known.clear();
      this.#known.set(all, copy);
    }
    return copy;
  }

  #place(value: Uint8Array): Uint8Array {
    if (this.#at + value.length > this.#piece.length) [this.#piece, this.#at] = [new Uint8Array(PIECE_BYTES), 0];
    const copy = this.#piece.subarray(this.#at, this.#at + value.length);
    copy.set(value);
    this.#at += value.length;
    return copy;
  }
}

interface DiskCounters {
  writes: number;
  syncs: number;
  bytesWritten: number;
  reads: number;
  scans: number;
  powerCuts: number;
  /** Batches that a power cut took, torn ones included. */
  batchesLost: number;
}

/**
 * A disk that fails on demand. One object is what one process has open; the data outlive it, and {@link reopen} is the
 * next process. Like LevelDB it has one log: a synced write makes every earlier one durable, too.
 */
export class SimDisk implements Disk {
  readonly #options: SimDiskOptions;
  readonly #platter: Platter;
  #life: "open" | "closed" | "crashed" = "open";
  /** Writes on their way, oldest first: they count as unsynced. */
  readonly #underWay: Write[] = [];
  #lastWriteDueMs = 0;

  constructor(options: SimDiskOptions, platter: Platter = emptyPlatter(options.room)) {
    this.#options = options;
    this.#platter = platter;
  }

  get counters(): Readonly<DiskCounters> {
    return this.#platter.counters;
  }

  /** Whether the disk takes no more data. */
  get full(): boolean {
    return this.#platter.full;
  }

  set full(full: boolean) {
    this.#platter.full = full;
  }

  /** The disk is busy: each write takes up to so much longer. */
  set slownessMs(slownessMs: number) {
    this.#platter.slownessMs = slownessMs;
  }

  /** Calls `happen` once, in the moment in which the next write is there and nobody has been told. */
  atNextWrite(happen: () => void): void {
    this.#platter.atWrite = happen;
  }

  append(batch: readonly DiskRecord[], sync: boolean): Promise<void> {
    return this.#write(
      batch.map(({ key, value }) => ({ key: this.#platter.room.key(key), value: this.#platter.room.copy(value) })),
      sync,
    );
  }

  remove(keys: readonly string[], sync: boolean): Promise<void> {
    return this.#write(
      keys.map((key) => ({ key, value: undefined })),
      sync,
    );
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    if (this.#life !== "open") await this.#refuse();
    this.#platter.counters.reads++;
    const value = this.#platter.written.get(key);
    return value && new Uint8Array(value);
  }

  async scan(prefix: string, within: KeyRange = {}): Promise<DiskRecord[]> {
    if (this.#life !== "open") await this.#refuse();
    this.#platter.counters.scans++;
    const records: DiskRecord[] = [];
    for (const [key, value] of this.#platter.written) {
      if (key.startsWith(prefix) && isWithin(key, within)) records.push({ key, value: new Uint8Array(value) });
    }
    return records.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async count(prefix: string): Promise<number> {
    if (this.#life !== "open") await this.#refuse();
    this.#platter.counters.scans++;
    return [...this.#platter.written.keys()].filter((key) => key.startsWith(prefix)).length;
  }

  /** What {@link scan} would find, for whoever looks at the world from outside. */
  get keysNow(): readonly string[] {
    return [...this.#platter.written.keys()];
  }

  /** How much is on it. */
  get bytesNow(): number {
    return this.#platter.bytes;
  }

  /** All records in no order, for whoever looks at the world from outside; nothing may be changed in them. */
  get recordsNow(): Iterable<readonly [key: string, value: Uint8Array]> {
    return this.#platter.written;
  }

  /** The process ends in order. What it did not sync is still at the mercy of a power cut. */
  async close(): Promise<void> {
    this.#end();
  }

  /**
   * The power fails. What was synced stays, of the rest a prefix. Nothing that waits for this object will ever hear
   * from it again, as its process is gone.
   */
  crash(cut: CutBatch = this.#options.cut ?? "whole"): void {
    const { counters, unsynced } = this.#platter;
    const survived = this.#platter.synced ?? this.#platter.written;
    const { random } = this.#options;
    const atRisk = [...unsynced, ...this.#underWay.map((write) => write.changes)];
    const kept = random.below(atRisk.length + 1);
    for (const batch of atRisk.slice(0, kept)) apply(batch, survived);
    const torn = atRisk[kept];
    if (torn !== undefined && cut === "tear") apply(torn.slice(0, random.below(torn.length)), survived);

    this.#holdAll(survived);
    this.#platter.atWrite = null;
    this.#underWay.length = 0;
    this.#life = "crashed";
    counters.powerCuts++;
    counters.batchesLost += atRisk.length - kept;
  }

  /** The same disk for the next process. This object is closed by it. */
  reopen(): SimDisk {
    this.#end();
    return new SimDisk(this.#options, this.#platter);
  }

  /** What would survive a power cut now: an image of the disk. */
  image(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#platter.synced ?? this.#platter.written);
  }

  /** Somebody put an image back while nobody had the disk open. */
  setBack(image: ReadonlyMap<string, Uint8Array>): void {
    this.#holdAll(new Map(image));
  }

  /** These are on the disk for good, and nothing else is. */
  #holdAll(records: Records): void {
    let bytes = 0;
    for (const [key, value] of records) bytes += key.length + value.length;
    Object.assign(this.#platter, { written: records, synced: null, unsynced: [], bytes });
  }

  /** Flips one bit of the stored value, which the disk will not notice; false if there is none to flip. */
  flipBit(key: string): boolean {
    return this.#damage(key, (value) => {
      const bit = this.#options.random.below(8 * value.length);
      value[bit >> 3] = (value[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return value;
    });
  }

  /** Only the first part of the stored value is left; false if there is none to tear. */
  tear(key: string): boolean {
    return this.#damage(key, (value) => value.subarray(0, this.#options.random.below(value.length)));
  }

  #damage(key: string, damaged: (value: Uint8Array) => Uint8Array): boolean {
    const { written, synced, unsynced } = this.#platter;
    const value = written.get(key);
    if (value === undefined || value.length === 0) return false;
    const left = damaged(new Uint8Array(value));
    written.set(key, left);
    this.#platter.bytes += left.length - value.length;

    if (synced?.get(key) === value) synced.set(key, left);
    for (const batch of unsynced) {
      for (const [at, change] of batch.entries())
        if (change.key === key && change.value === value) batch[at] = { key, value: left };
    }
    return true;
  }

  async #write(changes: Change[], sync: boolean): Promise<void> {
    if (this.#life !== "open") await this.#refuse();
    if (this.#platter.full) throw new DiskFullError();
    const { random, clock, latencyMs = 5 } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const write: Write = { changes, sync, done: resolve };
    this.#underWay.push(write);
    if (clock === undefined) this.#finishUntil(write);
    else {
      const nowMs = clock.monotonic();
      const mostMs = latencyMs + this.#platter.slownessMs;
      this.#lastWriteDueMs = Math.max(this.#lastWriteDueMs, nowMs + random.below(mostMs + 1));
      clock.after(this.#lastWriteDueMs - nowMs, () => this.#finishUntil(write));
    }
    return promise;
  }

  #finishUntil(last: Write): void {
    while (this.#underWay.includes(last)) this.#finishFirst();
  }

  #finishFirst(): void {
    const write = this.#underWay.shift();
    if (write === undefined) return;
    const { written, unsynced, counters } = this.#platter;
    if (!write.sync) this.#platter.synced ??= new Map(written);
    this.#platter.bytes += apply(write.changes, written);
    counters.writes++;
    for (const { value } of write.changes) counters.bytesWritten += value?.length ?? 0;
    if (write.sync) {
      this.#platter.synced = null;
      unsynced.length = 0;
      counters.syncs++;
    } else unsynced.push(write.changes);
    const { atWrite } = this.#platter;
    this.#platter.atWrite = null;
    atWrite?.();
    if (this.#life === "crashed") return;
    write.done();
  }

  #end(): void {
    if (this.#life !== "open") return;
    while (this.#underWay.length > 0) this.#finishFirst();
    this.#life = "closed";
  }

  #refuse(): Promise<never> {
    // The process that waits for a crashed disk is gone: it hears nothing.
    if (this.#life === "crashed") return new Promise(() => {});
    throw new DiskFailedError("the store is closed");
  }
}

function emptyPlatter(room = new Room()): Platter {
  const counters = { writes: 0, syncs: 0, bytesWritten: 0, reads: 0, scans: 0, powerCuts: 0, batchesLost: 0 };
  return {
    written: new Map(),
    synced: null,
    bytes: 0,
    unsynced: [],
    full: false,
    slownessMs: 0,
    atWrite: null,
    room,
    counters,
  };
}

/** By how many bytes there is more then. */
function apply(changes: readonly Change[], records: Records): number {
  let bytes = 0;
  for (const { key, value } of changes) {
    const before = records.get(key);
    if (before !== undefined) bytes -= key.length + before.length;
    if (value === undefined) records.delete(key);
    else {
      records.set(key, value);
      bytes += key.length + value.length;
    }
  }
  return bytes;
}
