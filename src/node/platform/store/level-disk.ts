import { access, mkdir, readFile, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { LabError } from "../../../core/errors.ts";
import { type Disk, DiskFailedError, DiskFullError, type DiskRecord, type KeyRange } from "../../../core/ports/disk.ts";
import { StoreBarredError, StoreDamagedError, StoreLaterError } from "./errors.ts";
import { clearLeftOver, leftOverBytes } from "./left-over.ts";
import { Tally } from "./tally.ts";

export interface LevelDiskOptions {
  /**
   * What to do where there never was a store: `create` one (default), `refuse`, which leaves no trace, or take it for
   * `lost`, where it is known that there was one.
   */
  readonly missing?: "create" | "refuse" | "lost";
}

/**
 * A Disk in LevelDB files under `directory`. Beside it lies `<directory>.tally`, which counts what was acknowledged:
 * LevelDB opens a store that lost its newest half, or begins an empty one, without a word.
 *
 * Throws `HomeInUse` if another process has it open, {@link StoreDamagedError} when it is not what was acknowledged,
 * {@link StoreLaterError} when a later release wrote it, {@link StoreBarredError} when this process may not open it,
 * `DiskFull`, or `DiskFailed`.
 * A write that failed may still be there after the next start, as a whole.
 */
export async function openLevelDisk(directory: string, { missing = "create" }: LevelDiskOptions = {}): Promise<Disk> {
  let tally: Tally | null = null;
  let level: Level | null = null;
  try {
    await requireKnownFormat(directory);
    tally = await Tally.open(directory);
    const begun = missing === "lost" || tally !== null || (await exists(markerPath(directory)));
    const found = await exists(join(directory, "CURRENT"));
    if (begun && !found) throw new StoreDamagedError(directory, "it is gone, or lost its file CURRENT");
    if (!found && missing === "refuse") throw new DiskFailedError(`there is no store in ${directory}`);
    if (!found) await mkdir(directory, { recursive: true, mode: 0o700 });
    level = await openLevel(directory, found ? "refuse" : "create");
    const written = await writtenBatches(level);
    const acknowledged = tally?.count ?? 0;
    if (written < acknowledged) {
      const lost = acknowledged - written;
      throw new StoreDamagedError(directory, `the last ${lost} of ${acknowledged} acknowledged writes are gone`);
    }
    // A reader leaves no trace.
    if (missing !== "refuse") tally ??= await Tally.create(directory, written);
    return new LevelDisk(directory, level, tally, written);
  } catch (error) {
    await level?.close();
    await tally?.close();
    throw diskError("cannot open", directory, error);
  }
}

/** The first format says nothing of itself. A release that writes what this one would take for damage says its own. */
const FORMAT = 1;
const FORMAT_NAME = "FORMAT";

/** Throws {@link StoreLaterError}. */
export async function requireKnownFormat(directory: string): Promise<void> {
  const text = await readFile(join(directory, FORMAT_NAME), "ascii").catch(() => "");
  const format = /^\d{1,9}$/.test(text.trim()) ? Number(text) : FORMAT;
  if (format > FORMAT) throw new StoreLaterError(directory, format, FORMAT);
}

/** The first release marked a store that it had begun with this file. */
function markerPath(directory: string): string {
  return `${directory}.created`;
}

/** Counts the batches that the store holds; written with each of them. Not a record of anybody's: theirs begin otherwise. */
const BATCHES = "\u0000batches";

async function writtenBatches(level: Level): Promise<number> {
  const value = await level.get(BATCHES);
  const count = value === undefined ? 0 : Number(Buffer.from(value).toString("ascii"));
  return Number.isSafeInteger(count) ? count : 0;
}

type Level = ClassicLevel<string, Uint8Array>;
type Change = { type: "put"; key: string; value: Uint8Array } | { type: "del"; key: string };

interface Write {
  readonly changes: readonly Change[];
  readonly bytes: number;
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: LabError) => void;
}

/** Writes that wait are written together, up to this size: one fsync for all of them. */
const GROUP_BYTES_MAX = 1024 * 1024;

/** Opening rewrites LevelDB's log (4 MiB) as a table; twice that must be free before a store is closed for it. */
const REOPEN_NEEDS_BYTES = 8 * 1024 * 1024;

class LevelDisk implements Disk {
  readonly #directory: string;
  readonly #tally: Tally | null;
  #batches: number;
  #level: Level;
  readonly #waiting: Write[] = [];
  #writing: Promise<void> | null = null;
  readonly #reads = new Set<Promise<unknown>>();
  #reopening: Promise<void> | null = null;
  #life: "open" | "closed" = "open";
  /**
   * `torn`: a write failed and may have left half a record in LevelDB's log. LevelDB would go on behind it, call later
   * writes durable, and drop them when it next reads the log; so nothing is written until the store was opened anew.
   */
  #log: "sound" | "torn" = "sound";

  constructor(directory: string, level: Level, tally: Tally | null, batches: number) {
    this.#directory = directory;
    this.#level = level;
    this.#tally = tally;
    this.#batches = batches;
  }

  append(batch: readonly DiskRecord[], sync: boolean): Promise<void> {
    // Copies: the write may have to wait, and the caller is free to use the bytes again.
    return this.#write(
      batch.map(({ key, value }) => ({ type: "put", key, value: new Uint8Array(value) })),
      sync,
    );
  }

  remove(keys: readonly string[], sync: boolean): Promise<void> {
    return this.#write(
      keys.map((key) => ({ type: "del", key })),
      sync,
    );
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    const value = await this.#read("cannot read", (level) => level.get(key));
    return value && plain(value);
  }

  async scan(prefix: string, within: KeyRange = {}): Promise<DiskRecord[]> {
    const range = { keyEncoding: "buffer", ...prefixRange(prefix, within) } as const;
    const found = await this.#read("cannot read", (level) => level.iterator<Buffer, Uint8Array>(range).all());
    const records = found
      .map(([key, value]) => ({ key: key.toString("utf8"), value: plain(value) }))
      .filter(({ key }) => key !== BATCHES);
    // LevelDB orders by UTF-8, which differs from UTF-16 beyond the basic plane.
    return records.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async count(prefix: string): Promise<number> {
    const range = { keyEncoding: "buffer", ...prefixRange(prefix, {}) } as const;
    return this.#read("cannot read", async (level) => {
      const keys = level.keys<Buffer>(range);
      try {
        let all = 0;
        for (let some = await keys.nextv(READ_AT_ONCE); some.length > 0; some = await keys.nextv(READ_AT_ONCE)) {
          all += some.filter((key) => key[0] !== 0).length;
        }
        return all;
      } finally {
        await keys.close();
      }
    });
  }

  async close(): Promise<void> {
    this.#life = "closed";
    await this.#writing;
    try {
      await this.#level.close();
    } catch (error) {
      throw diskError("cannot close", this.#directory, error);
    } finally {
      await this.#tally?.close();
    }
  }

  #write(changes: readonly Change[], sync: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#life === "closed") reject(closedStore(this.#directory));
    else {
      const bytes = changes.reduce((sum, change) => sum + (change.type === "put" ? change.value.length : 0), 0);
      this.#waiting.push({ changes, bytes, sync, resolve, reject });
      this.#writing ??= this.#writeWaiting();
    }
    return promise;
  }

  /** One write at a time, so that none is acknowledged behind one that failed. */
  async #writeWaiting(): Promise<void> {
    for (let group = this.#nextGroup(); group.length > 0; group = this.#nextGroup()) {
      try {
        if (this.#log === "torn") await this.#reopen();
        const sync = group.some((write) => write.sync);
        const count: Change = { type: "put", key: BATCHES, value: Buffer.from(String(this.#batches + 1), "ascii") };
        await this.#level.batch([...group.flatMap((write) => write.changes), count], { sync });
        this.#batches++;
        // Ahead of the disk the tally would call a loss what a power cut may take.
        if (sync) await this.#tally?.note(this.#batches);
        for (const write of group) write.resolve();
      } catch (error) {
        this.#log = "torn";
        const reason = diskError("cannot write", this.#directory, error);
        for (const write of group) write.reject(reason);
      }
    }
    this.#writing = null;
  }

  #nextGroup(): Write[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((write, at) => (bytes += write.bytes) > GROUP_BYTES_MAX && at > 0);
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #read<Result>(doing: string, read: (level: Level) => Promise<Result>): Promise<Result> {
    await this.#reopening;
    if (this.#life === "closed") throw closedStore(this.#directory);
    const reading = read(this.#level);
    this.#reads.add(reading);
    try {
      return await reading;
    } catch (error) {
      throw diskError(doing, this.#directory, error);
    } finally {
      this.#reads.delete(reading);
    }
  }

  async #reopen(): Promise<void> {
    // Reads go on while the disk is full: do not close what might not open again.
    const { bavail, bsize } = await statfs(this.#directory);
    const lackingBytes = REOPEN_NEEDS_BYTES - bavail * bsize;
    if (lackingBytes > 0 && (await leftOverBytes(this.#directory)) < lackingBytes) throw new DiskFullError();
    const reopened = Promise.withResolvers<void>();
    this.#reopening = reopened.promise;
    try {
      await Promise.allSettled(this.#reads);
      await this.#level.close();
      if (lackingBytes > 0) await clearLeftOver(this.#directory);
      this.#level = await openLevel(this.#directory, "refuse");
      this.#log = "sound";
    } finally {
      this.#reopening = null;
      reopened.resolve();
    }
  }
}

async function openLevel(directory: string, missing: "create" | "refuse"): Promise<Level> {
  const createIfMissing = missing === "create";
  const level: Level = new ClassicLevel(directory, { keyEncoding: "utf8", valueEncoding: "view", createIfMissing });
  await level.open();
  return level;
}

/**
 * Holds a lock that is a directory of its own, until what it returns is called or the process ends. Throws `HomeInUse`
 * of the store that it is for.
 */
export async function lockStore(directory: string, lock: string): Promise<() => Promise<void>> {
  try {
    // Nothing is in it: whatever is wrong with its files, new ones lock as well.
    const level = await openLevel(lock, "create").catch(async (error: unknown) => {
      if (!(diskError("cannot open", lock, error) instanceof StoreDamagedError)) throw error;
      await rm(lock, { recursive: true, force: true });
      return openLevel(lock, "create");
    });
    return () => level.close();
  } catch (error) {
    throw diskError("cannot open", directory, error);
  }
}

/** What can be read of LevelDB files, also around damaged blocks. Opening alters them: for copies. */
export async function readLevel(directory: string): Promise<DiskRecord[]> {
  const level = await openLevel(directory, "refuse");
  const records: DiskRecord[] = [];
  const iterator = level.iterator<Buffer, Uint8Array>({ keyEncoding: "buffer" });
  try {
    for (;;) {
      const some = await iterator.nextv(READ_AT_ONCE);
      if (some.length === 0) break;
      for (const [key, value] of some) records.push({ key: key.toString("utf8"), value: plain(value) });
    }
  } catch {
    // Damaged blocks are skipped on the way and reported at the end.
  } finally {
    await iterator.close();
    await level.close();
  }
  return records.filter(({ key }) => key !== BATCHES);
}

const READ_AT_ONCE = 1000;

/** The bounds of all keys that begin with `prefix` and are within a range. A byte of UTF-8 is never 0xff, so the last one can be counted up. */
function prefixRange(prefix: string, { after, before }: KeyRange): { gte?: Buffer; gt?: Buffer; lt?: Buffer } {
  const lower = after === undefined ? { gte: Buffer.from(prefix, "utf8") } : { gt: Buffer.from(after, "utf8") };
  if (before !== undefined) return { ...lower, lt: Buffer.from(before, "utf8") };
  if (prefix === "") return lower;
  const upper = Buffer.from(prefix, "utf8");
  upper[upper.length - 1] = (upper[upper.length - 1] ?? 0) + 1;
  return { ...lower, lt: upper };
}

/** LevelDB's binding gives Buffers, whose `slice` does not copy. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.length);
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

function closedStore(directory: string): DiskFailedError {
  return new DiskFailedError(`the store in ${directory} is closed`);
}

/** What LevelDB or the file system said, as an error that says where it was and what to do. */
function diskError(doing: string, directory: string, error: unknown): LabError {
  if (error instanceof LabError) return error;
  const chain: { code?: unknown; message: string }[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) chain.push(cause);
  const has = (code: string) => chain.some((cause) => cause.code === code);
  const reason = chain.at(-1)?.message ?? String(error);
  const options = { cause: error };

  if (has("LEVEL_LOCKED")) {
    const hint = "stop the agent that runs on it, or give this one a home of its own with --home";
    return new LabError("HomeInUse", `another process has the store in ${directory} open`, { hint }, options);
  }
  if (/No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/.test(reason)) return new DiskFullError(options);
  if (has("EACCES") || has("EPERM") || has("EROFS") || /Permission denied|Read-only file system/.test(reason)) {
    return new StoreBarredError(directory, reason, options);
  }
  // Of a table that was cut short LevelDB says "IO error: … Invalid argument".
  if (has("LEVEL_CORRUPTION") || /Corruption|No such file|does not exist|[.](ldb|sst|log): /.test(reason)) {
    return new StoreDamagedError(directory, reason, options);
  }
  return new DiskFailedError(`${doing} the store in ${directory} (${reason})`, options);
}
