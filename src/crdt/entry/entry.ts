import { ascii, concat, equalBytes, fromHex, toHex } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import type { Hlc } from "../../core/hlc.ts";
import type { Keys } from "../../core/ports/keys.ts";
import { recurringBytes } from "../../core/recurring-hex.ts";
import type { Signature } from "../../core/signature.ts";

/**
 * The signed entry, version 1. The bytes are specified in `docs/protocol/entries.md`, with vectors in
 * `test/vectors/entries.json`; they are a promise and never change.
 */

/** Largest entry that a peer admits, all bytes counted. */
export const MAX_ENTRY_BYTES = 64 * 1024;
/** Largest observed record. */
export const MAX_OBSERVED_BYTES = 32 * 1024;
export const MAX_PARENTS = 64;
export const ENTRY_VERSION = 1;

const KIND_AUTHORITY = 1;
const KIND_CHAIN = 2;
const KIND_OBSERVED = 3;

/** What a chain carries. Classes that this release does not know are kept and forwarded, not read. */
export const CLASS_DESIRED = 1;
export const CLASS_AUDIT = 2;
/** Versions of secrets that a store made, in the role log of the store. */
export const CLASS_GENERATED = 3;

/** Whether the payloads of a chain are one ledger document (`docs/protocol/ledgers.md`). */
export function isLedgerClass(chainClass: number): boolean {
  return chainClass === CLASS_DESIRED || chainClass === CLASS_GENERATED;
}

interface HeaderBase {
  /** Mesh id: the hash of the genesis entry; zeros in the genesis entry itself. */
  readonly mesh: Uint8Array;
  /** Ed25519 public key of the writer. */
  readonly key: Uint8Array;
  /** The log that this entry belongs to (`trust.md` §1); zeros in the genesis entry. */
  readonly log: Uint8Array;
}

/** A node of the causal graph that says who may do what. */
export interface AuthorityHeader extends HeaderBase {
  readonly kind: "authority";
  /** Sorted, distinct hashes of what the writer knew. */
  readonly parents: readonly Uint8Array[];
  readonly type: string;
}

/** A link of a single writer's chain: desired state or audit. */
export interface ChainHeader extends HeaderBase {
  readonly kind: "chain";
  readonly class: number;
  /** Counts from 1 without gaps. */
  readonly seq: number;
  /** Hash of the entry before; zeros at 1. */
  readonly prev: Uint8Array;
  readonly hlc: Hlc;
  /** Digest of the authority heads that the writer knew: a hint to fetch, never part of validity. */
  readonly seen: Uint8Array;
  /** How many entries of the same batch follow. A batch is folded when its last entry (0) is there. */
  readonly more: number;
}

/** One node's report about itself; its next version replaces it whole. */
export interface ObservedHeader extends HeaderBase {
  readonly kind: "observed";
  readonly seq: number;
  readonly hlc: Hlc;
}

export type Header = AuthorityHeader | ChainHeader | ObservedHeader;

/** Never copied by spreading: parts that are made when they are asked for would stay behind. */
export interface Entry<H extends Header = Header> {
  readonly header: H;
  readonly payload: Uint8Array;
  readonly signatures: readonly Signature[];
  /** The whole entry as stored and sent. */
  readonly bytes: Uint8Array;
  /** Header, length and payload: what is hashed and signed. */
  readonly signed: Uint8Array;
  readonly hash: Uint8Array;
  /** Hex of {@link hash}: the entry's name in maps. */
  readonly id: string;
}

/**
 * An entry as it is kept, for good: its bytes once, and what is a part of them, or of its name, made again for whoever
 * asks. An array for each part would take more room than the bytes.
 */
class KeptEntry<H extends Header> implements Entry<H> {
  readonly header: H;
  readonly bytes: Uint8Array;
  readonly id: string;
  /** Where the payload begins and ends. */
  readonly #payloadAt: number;
  readonly #signedLength: number;

  constructor(header: H, bytes: Uint8Array, id: string, payloadAt: number, signedLength: number) {
    this.header = header;
    this.bytes = bytes;
    this.id = id;
    this.#payloadAt = payloadAt;
    this.#signedLength = signedLength;
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.#payloadAt, this.#signedLength);
  }

  get signed(): Uint8Array {
    return this.bytes.subarray(0, this.#signedLength);
  }

  get hash(): Uint8Array {
    return fromHex(this.id) as Uint8Array;
  }

  get signatures(): readonly Signature[] {
    const reader = new Reader(this.bytes.subarray(this.#signedLength));
    return Array.from({ length: reader.u8() }, (): Signature => {
      return { scheme: reader.u8(), bytes: reader.raw(reader.u16()) };
    });
  }
}

export const ZERO_HASH: Uint8Array = new Uint8Array(32);

const HASH_DOMAIN = ascii("lab/1/entry\0");
/** The domain, and room for what is hashed: joined here, no entry costs another array. */
const hashed = new Uint8Array(HASH_DOMAIN.length + MAX_ENTRY_BYTES);
hashed.set(HASH_DOMAIN);

export function entryHash(keys: Pick<Keys, "hash">, signed: Uint8Array): Uint8Array {
  if (signed.length > MAX_ENTRY_BYTES) return keys.hash(concat(HASH_DOMAIN, signed));
  hashed.set(signed, HASH_DOMAIN.length);
  return keys.hash(hashed.subarray(0, HASH_DOMAIN.length + signed.length));
}

class Writer {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  u16(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  u64(value: number): void {
    this.#room(8);
    this.#view.setUint32(this.#at, Math.floor(value / 2 ** 32));
    this.#view.setUint32(this.#at + 4, value >>> 0);
    this.#at += 8;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  #need(length: number): number {
    if (this.left < length) throw new MalformedError("the entry is cut short");
    const at = this.#at;
    this.#at += length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#need(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#need(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#need(4));
  }

  u64(): number {
    const at = this.#need(8);
    const value = this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
    if (value > Number.MAX_SAFE_INTEGER) throw new MalformedError("a number is out of range");
    return value;
  }

  raw(length: number): Uint8Array {
    const at = this.#need(length);
    return this.#bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    this.#need(length);
  }
}

/** Where a link names the one before: behind version, kind, mesh, key, log, class and number. */
const PREV_AT = 1 + 1 + 3 * 32 + 1 + 8;

/** The header of a link as it is kept: the hash of the link before stands in the entry's bytes and nowhere else. */
class KeptChainHeader implements ChainHeader {
  readonly kind = "chain";
  readonly mesh: Uint8Array;
  readonly key: Uint8Array;
  readonly log: Uint8Array;
  readonly class: number;
  readonly seq: number;
  readonly hlc: Hlc;
  readonly seen: Uint8Array;
  readonly more: number;
  readonly #bytes: Uint8Array;

  /** Reads on from behind what all headers begin with. */
  constructor(bytes: Uint8Array, { mesh, key, log }: HeaderBase, reader: Reader) {
    this.mesh = mesh;
    this.key = key;
    this.log = log;
    this.class = reader.u8();
    this.seq = reader.u64();
    reader.skip(32);
    this.hlc = readHlc(reader);
    this.seen = recurringBytes(reader.raw(32));
    this.more = reader.u16();
    this.#bytes = bytes;
  }

  get prev(): Uint8Array {
    return this.#bytes.subarray(PREV_AT, PREV_AT + 32);
  }
}

/** Header, length and payload as they are hashed and signed. */
export function encodeSigned(header: Header, payload: Uint8Array): Uint8Array {
  const out = new Writer();
  out.u8(ENTRY_VERSION);
  switch (header.kind) {
    case "authority":
      out.u8(KIND_AUTHORITY);
      writeBase(out, header);
      out.u8(header.parents.length);
      for (const parent of header.parents) out.raw(parent);
      out.u8(header.type.length);
      out.raw(ascii(header.type));
      break;
    case "chain":
      out.u8(KIND_CHAIN);
      writeBase(out, header);
      out.u8(header.class);
      out.u64(header.seq);
      out.raw(header.prev);
      writeHlc(out, header.hlc);
      out.raw(header.seen);
      out.u16(header.more);
      break;
    case "observed":
      out.u8(KIND_OBSERVED);
      writeBase(out, header);
      out.u64(header.seq);
      writeHlc(out, header.hlc);
      break;
  }
  out.u32(payload.length);
  out.raw(payload);
  return out.take();
}

function writeBase(out: Writer, header: HeaderBase): void {
  out.raw(header.mesh);
  out.raw(header.key);
  out.raw(header.log);
}

function writeHlc(out: Writer, hlc: Hlc): void {
  out.u64(hlc.ms);
  out.u32(hlc.count);
}

function readHlc(reader: Reader): Hlc {
  return { ms: reader.u64(), count: reader.u32() };
}

/** An entry that nobody has signed yet. */
export function bareEntry<H extends Header>(keys: Pick<Keys, "hash">, header: H, payload: Uint8Array): Entry<H> {
  const signed = encodeSigned(header, payload);
  const id = toHex(entryHash(keys, signed));
  return new KeptEntry(header, joinSignatures(signed, []), id, signed.length - payload.length, signed.length);
}

/** The same entry under other signatures: they are no part of what it is. */
export function replaceSignatures<H extends Header>(entry: Entry<H>, signatures: readonly Signature[]): Entry<H> {
  const { header, payload, signed, id } = entry;
  const bytes = joinSignatures(signed, signatures);
  return new KeptEntry(header, bytes, id, signed.length - payload.length, signed.length);
}

function joinSignatures(signed: Uint8Array, signatures: readonly Signature[]): Uint8Array {
  const out = new Writer();
  out.raw(signed);
  out.u8(signatures.length);
  for (const { scheme, bytes } of signatures) {
    out.u8(scheme);
    out.u16(bytes.length);
    out.raw(bytes);
  }
  return out.take();
}

/** Parses an entry from outside; throws {@link MalformedError} on anything that {@link sealEntry} would not write. */
export function decodeEntry(keys: Pick<Keys, "hash">, bytes: Uint8Array): Entry {
  if (bytes.length > MAX_ENTRY_BYTES) throw new MalformedError(`an entry has at most ${MAX_ENTRY_BYTES} bytes`);
  const reader = new Reader(bytes);
  const version = reader.u8();
  if (version !== ENTRY_VERSION) throw new MalformedError(`entry version ${version} is not known`);
  const header = readHeader(bytes, reader);
  const payloadLength = reader.u32();
  reader.skip(payloadLength);
  const { at: signedLength } = reader;
  for (let left = reader.u8(); left > 0; left--) {
    reader.u8();
    reader.skip(reader.u16());
  }
  if (reader.left > 0) throw new MalformedError("bytes after the entry");
  const id = toHex(entryHash(keys, bytes.subarray(0, signedLength)));
  return new KeptEntry(header, bytes, id, signedLength - payloadLength, signedLength);
}

function readHeader(bytes: Uint8Array, reader: Reader): Header {
  const kind = reader.u8();
  // Named one by one below: spread into each header they would cost more than all of the reading.
  const mesh = recurringBytes(reader.raw(32));
  const key = recurringBytes(reader.raw(32));
  const log = recurringBytes(reader.raw(32));
  switch (kind) {
    case KIND_AUTHORITY: {
      const count = reader.u8();
      if (count > MAX_PARENTS) throw new MalformedError(`an entry has at most ${MAX_PARENTS} parents`);
      const parents: Uint8Array[] = [];
      let before = "";
      for (let i = 0; i < count; i++) {
        const parent = reader.raw(32);
        const hex = toHex(parent);
        if (hex <= before) throw new MalformedError("parents are sorted and distinct");
        before = hex;
        parents.push(parent);
      }
      const type = String.fromCharCode(...reader.raw(reader.u8()));
      if (!/^[a-z][a-z0-9-]{0,31}$/.test(type)) throw new MalformedError("an entry's type is a short lower-case word");
      return { kind: "authority", mesh, key, log, parents, type };
    }
    case KIND_CHAIN: {
      const header = new KeptChainHeader(bytes, { mesh, key, log }, reader);
      if (header.seq < 1) throw new MalformedError("a chain counts from 1");
      if ((header.seq === 1) !== equalBytes(header.prev, ZERO_HASH)) {
        throw new MalformedError("the first entry of a chain, and no other, has no predecessor");
      }
      return header;
    }
    case KIND_OBSERVED: {
      const header: ObservedHeader = { kind: "observed", mesh, key, log, seq: reader.u64(), hlc: readHlc(reader) };
      if (header.seq < 1) throw new MalformedError("versions count from 1");
      return header;
    }
    default:
      throw new MalformedError(`entry kind ${kind} is not known`);
  }
}

export function isAuthority(entry: Entry): entry is Entry<AuthorityHeader> {
  return entry.header.kind === "authority";
}

export function isChain(entry: Entry): entry is Entry<ChainHeader> {
  return entry.header.kind === "chain";
}

export function isObserved(entry: Entry): entry is Entry<ObservedHeader> {
  return entry.header.kind === "observed";
}
