/*
 * What the manifest of a LevelDB store says of its tables: which ones there are. The file is a log of edits, each of
 * which adds and takes away some (doc/log_format.md and db/version_edit.cc of LevelDB).
 */

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;

/** Kinds of fragments: an edit that does not fit into a block is cut. */
const [WHOLE, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** Fields of an edit. */
const [COMPARATOR, LOG, NEXT_FILE, LAST_SEQUENCE, COMPACT_POINTER, DELETED, ADDED, PREVIOUS_LOG] = [
  1, 2, 3, 4, 5, 6, 7, 9,
];

/**
 * The tables that a store consists of, by number, with their sizes. An edit that ends with the file before it was whole
 * never came to be, as for LevelDB. Null where anything else is not as it was written.
 */
export function tablesNamed(manifest: Buffer): ReadonlyMap<number, number> | null {
  try {
    const tables = new Map<number, number>();
    for (const edit of editsOf(manifest)) applyEdit(edit, tables);
    return tables;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Throws RangeError. */
function* editsOf(manifest: Buffer): Generator<Buffer> {
  let begun: Buffer[] | null = null;
  for (let at = 0; at + HEADER_BYTES <= manifest.length; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const end = at + HEADER_BYTES + manifest.readUInt16LE(at + 4);
    if (end > manifest.length) return;
    const kind = manifest.readUInt8(at + 6);
    // The checksum is of the kind, too.
    if (maskedChecksum(manifest.subarray(at + 6, end)) !== manifest.readUInt32LE(at)) {
      throw new RangeError("a fragment of the manifest is not what was written");
    }
    const fragment = manifest.subarray(at + HEADER_BYTES, end);
    at = end;
    if ((kind === WHOLE || kind === FIRST) === (begun !== null)) throw new RangeError("a fragment is out of place");
    if (kind === WHOLE) yield fragment;
    else if (kind === FIRST) begun = [fragment];
    else if (kind === MIDDLE) begun?.push(fragment);
    else if (kind === LAST) {
      yield Buffer.concat([...(begun ?? []), fragment]);
      begun = null;
    } else throw new RangeError(`a fragment of kind ${kind}`);
  }
}

/** Throws RangeError. */
function applyEdit(edit: Buffer, tables: Map<number, number>): void {
  const fields = new EditReader(edit);
  const [gone, added]: [number[], [number, number][]] = [[], []];
  while (!fields.isAtEnd) {
    const field = fields.number();
    if (field === COMPARATOR) fields.skipText();
    else if (field === LOG || field === NEXT_FILE || field === LAST_SEQUENCE || field === PREVIOUS_LOG) fields.number();
    else if (field === COMPACT_POINTER) {
      fields.number();
      fields.skipText();
    } else if (field === DELETED) {
      fields.number();
      gone.push(fields.number());
    } else if (field === ADDED) {
      fields.number();
      added.push([fields.number(), fields.number()]);
      fields.skipText();
      fields.skipText();
    } else throw new RangeError(`an edit with a field ${field}`);
  }
  // A table that moves to another level is taken away and added in one edit.
  for (const table of gone) tables.delete(table);
  for (const [table, bytes] of added) tables.set(table, bytes);
}

/** Numbers of seven bits a byte, and texts after their length. */
class EditReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number {
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte % 128) * weight;
      if (byte < 128) return value;
    }
  }

  skipText(): void {
    const end = this.number() + this.#at;
    if (end > this.#bytes.length) throw new RangeError("an edit ends within a text");
    this.#at = end;
  }
}

/** CRC-32C, turned and shifted as LevelDB does: a checksum of bytes that hold checksums would be weak. */
function maskedChecksum(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_OF[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const CRC_OF = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
