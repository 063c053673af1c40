import { LabError } from "../errors.ts";

export interface DiskRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Keys between two others, neither of them included. For keys in ASCII. */
export interface KeyRange {
  readonly after?: string;
  readonly before?: string;
}

export function isWithin(key: string, { after, before }: KeyRange): boolean {
  return (after === undefined || key > after) && (before === undefined || key < before);
}

/**
 * A record store that is allowed to be bad: it may lose what was not synced, tear the last batch, flip bits and say
 * that it is full. Checksums and recovery belong to whoever stands above it (`src/crdt/store`).
 */
export interface Disk {
  /** Writes all records or none. With `sync`, returns only after they would survive a power cut. */
  append(batch: readonly DiskRecord[], sync: boolean): Promise<void>;
  /** The value under `key`, or undefined if there is none. Throws only when the device fails. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** All records whose key begins with `prefix`, in ascending order of key (UTF-16 code units). */
  scan(prefix: string, within?: KeyRange): Promise<DiskRecord[]>;
  /** How many records {@link scan} would give, for less than what it costs to read them. */
  count(prefix: string): Promise<number>;
  /** Removes the keys; a missing one is not an error. */
  remove(keys: readonly string[], sync: boolean): Promise<void>;
  close(): Promise<void>;
}

/** The device takes no more data; what was written before stays readable. */
export class DiskFullError extends LabError {
  static readonly code = "DiskFull";
  constructor(options?: ErrorOptions) {
    super(DiskFullError.code, "the disk is full", { hint: "free some space; reads go on meanwhile" }, options);
  }
}

/** The device failed in another way: permissions, a damaged file, a closed store. */
export class DiskFailedError extends LabError {
  static readonly code = "DiskFailed";
  constructor(detail: string, options?: ErrorOptions & { readonly hint?: string }) {
    super(DiskFailedError.code, `the disk failed: ${detail}`, { hint: options?.hint }, options);
  }
}
