import { ascii, concat, equalBytes, toHex } from "../bytes.ts";
import type { Keys } from "../ports/keys.ts";
import { BackupDamagedError } from "./errors.ts";

/**
 * What a backup holds, in files that are named by their own hash. Where one ends depends on the records alone, not on
 * their number, so that what comes later changes few files and a place keeps only those that are new (the content-
 * defined cuts of LBFS, Muthitacharoen et al. 2001, at the borders of records).
 */

/** - `authority` and `desired`: what the mesh is · `audit`: what was done · `secrets`: sealed envelopes */
export const CHUNK_KINDS = ["authority", "desired", "audit", "secrets"] as const;
export type ChunkKind = (typeof CHUNK_KINDS)[number];

export interface BackupRecord {
  /** Decides where chunks end: 32 bytes that the record will always have. */
  readonly mark: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface ChunkName {
  readonly kind: ChunkKind;
  /** Hex of the SHA-256 of all of its bytes. */
  readonly hash: string;
  readonly bytes: number;
  readonly records: number;
}

export interface Chunk extends ChunkName {
  readonly content: Uint8Array;
}

/** One record of 256 ends a chunk: some 80 KB of entries, which is little to store again when one of them is new. */
const CUT_MASK = 0xff;
/** A chunk ends before the record with which it would be larger. One sealed value of one MiB still fits alone. */
const FULL_BYTES = 1024 * 1024;
/** What is read of a place as one chunk. */
export const MAX_CHUNK_BYTES = 2 * FULL_BYTES;

type Hash = Pick<Keys, "hash">;

export function cutIntoChunks(keys: Hash, kind: ChunkKind, records: readonly BackupRecord[]): Chunk[] {
  const chunks: Chunk[] = [];
  let parts: Uint8Array[] = [];
  let size = 0;
  const cut = () => {
    if (parts.length === 0) return;
    const content = concat(head(kind), ...parts.flatMap((part) => [lengthOf(part), part]));
    chunks.push({ kind, hash: toHex(keys.hash(content)), bytes: content.length, records: parts.length, content });
    parts = [];
    size = 0;
  };
  for (const { mark, bytes } of records) {
    if (size + bytes.length > FULL_BYTES) cut();
    parts.push(bytes);
    size += bytes.length;
    if (((mark.at(-1) ?? 0) & CUT_MASK) === 0) cut();
  }
  cut();
  return chunks;
}

/** The records of a chunk. Throws `BackupDamaged` for every other bytes than those that were named. */
export function readChunk(keys: Hash, { kind, hash, records }: ChunkName, content: Uint8Array): Uint8Array[] {
  if (toHex(keys.hash(content)) !== hash) throw new BackupDamagedError(`chunk ${hash.slice(0, 16)} was altered`);
  const found: Uint8Array[] = [];
  let at = head(kind).length;
  let isWhole = equalBytes(content.subarray(0, at), head(kind));
  while (isWhole && at < content.length) {
    const from = at + LENGTH_BYTES;
    at = from + (from > content.length ? 0 : new DataView(content.buffer, content.byteOffset + at).getUint32(0));
    isWhole = at <= content.length;
    found.push(content.subarray(from, at));
  }
  // The hash is right: it was written like this.
  if (!isWhole || found.length !== records) throw new BackupDamagedError(`chunk ${hash.slice(0, 16)} makes no sense`);
  return found;
}

const LENGTH_BYTES = 4;

function lengthOf(part: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES);
  new DataView(bytes.buffer).setUint32(0, part.length);
  return bytes;
}

function head(kind: ChunkKind): Uint8Array {
  return ascii(`lab-chunk 1 ${kind}\n`);
}
