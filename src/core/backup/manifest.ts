import { ascii, concat, fromBase64Url, fromHex, toBase64Url, toHex } from "../bytes.ts";
import { encode, MalformedError, type Plain } from "../encoding.ts";
import { type Fields, readFields, readList, readNumber, readText, readTexts } from "../fields.ts";
import { LabError } from "../errors.ts";
import type { Keys, Signer } from "../ports/keys.ts";
import { utf8Decode } from "../utf8.ts";
import { CHUNK_KINDS, type ChunkKind, type ChunkName, MAX_CHUNK_BYTES } from "./chunks.ts";
import { BackupDamagedError, BackupRefusedError } from "./errors.ts";

/**
 * What one backup is: JSON, signed by the machine that made it. What is signed is the deterministic CBOR of all members
 * but `signature`, those that a later release adds among them (`docs/protocol/backup.md`).
 */
export interface Manifest {
  readonly v: 1;
  /** Hex: the hash of the genesis entry. */
  readonly mesh: string;
  readonly meshName: string;
  /** Counts from 1 in one place. */
  readonly number: number;
  /** Id of the manifest with the number before, when this one was made; null for the first. */
  readonly previous: string | null;
  /** RFC 3339. */
  readonly madeAt: string;
  readonly madeBy: { readonly name: string; readonly node: string; readonly key: string };
  readonly release: string;
  /** RFC 3339: clock of the newest entry; null where there is none. */
  readonly newest: string | null;
  readonly heads: {
    /** Hex of the authority entries that nothing builds on yet. */
    readonly authority: readonly string[];
    /** The ends of all ledgers and audit logs. */
    readonly logs: readonly LogHead[];
  };
  readonly counts: Readonly<Record<ChunkKind, number>>;
  readonly chunks: readonly ChunkName[];
  /** Where the members listened: whom a restored machine asks first. */
  readonly peers: readonly { readonly key: string; readonly addresses: readonly string[] }[];
  /** In a mesh with a pre-shared key: that key, sealed to the recovery code; base64url, null where there is no code. */
  readonly psk?: { readonly sealed: string | null };
}

export interface LogHead {
  readonly log: string;
  readonly class: number;
  readonly seq: number;
  readonly hash: string;
}

/** A manifest whose signature is good; whether its signer is a member, the entries say. */
export interface SignedManifest {
  /** Hex of the hash of what is signed. */
  readonly id: string;
  readonly manifest: Manifest;
  readonly signature: Uint8Array;
}

/** What is told of a backup in lists. */
export function summaryOf({ id, manifest }: Pick<SignedManifest, "id" | "manifest">) {
  const { number, counts, chunks } = manifest;
  return {
    number,
    id,
    entries: counts.authority + counts.desired + counts.audit,
    secrets: counts.secrets,
    bytes: chunks.reduce((sum, chunk) => sum + chunk.bytes, 0),
  };
}

const DOMAIN = ascii("lab/1/backup\0");
/** A mesh of ten thousand nodes with a chunk for every hundred records. */
export const MAX_MANIFEST_BYTES = 32 * 1024 * 1024;
const MAX_CHUNKS = 1_000_000;
const MAX_LOGS = 100_000;
/** An age file with one short secret for one recipient. */
const MAX_SEALED_TEXT = 4_096;

/** The manifest as it is kept: to be read by people as well. */
export function signManifest(keys: Pick<Keys, "hash">, manifest: Manifest, signer: Signer): string {
  const signature = toBase64Url(signer.sign(concat(DOMAIN, hashOf(keys, manifest as unknown as Fields))));
  return `${JSON.stringify({ ...manifest, signature }, null, 1)}\n`;
}

/** Throws `BackupDamaged`, `BackupRefused` for a signature that is wrong, `InvalidFile` for a later release. */
export function readManifest(keys: Pick<Keys, "hash" | "verify">, name: string, bytes: Uint8Array): SignedManifest {
  if (bytes.length > MAX_MANIFEST_BYTES) throw new BackupDamagedError(`${name} is too large for a manifest`);
  try {
    const { signature: text, ...fields } = readFields(JSON.parse(utf8Decode(bytes)) as Plain);
    if (typeof fields.v === "number" && fields.v > 1) {
      throw new LabError("InvalidFile", `${name} was written by a newer release`, { hint: "update lab" });
    }
    const manifest = parseManifest(fields);
    const signature = fromBase64Url(readText(text, 100)) ?? new Uint8Array(0);
    const hash = hashOf(keys, fields);
    const key = fromHex(manifest.madeBy.key) as Uint8Array;
    if (!keys.verify(key, concat(DOMAIN, hash), signature)) {
      throw new BackupRefusedError(`the signature of ${name} is wrong`, {
        notes: [`it claims to be of ${manifest.madeBy.name}`],
        hint: "somebody altered it: take an older one, or another place",
      });
    }
    return { id: toHex(hash), manifest, signature };
  } catch (cause) {
    if (cause instanceof LabError && !(cause instanceof MalformedError)) throw cause;
    throw new BackupDamagedError(`${name} is damaged`, {}, { cause });
  }
}

function hashOf(keys: Pick<Keys, "hash">, fields: Fields): Uint8Array {
  return keys.hash(encode(fields));
}

function parseManifest(fields: Fields): Manifest {
  if (fields.v !== 1) throw new MalformedError("no manifest");
  const madeBy = readFields(fields.madeBy);
  const heads = readFields(fields.heads);
  const counts = readFields(fields.counts);
  const chunks = readList(fields.chunks, MAX_CHUNKS).map(readChunkName);
  for (const kind of CHUNK_KINDS) {
    const records = chunks.filter((chunk) => chunk.kind === kind).reduce((sum, chunk) => sum + chunk.records, 0);
    if (records !== counts[kind]) throw new MalformedError("its counts are not those of its chunks");
  }
  return {
    v: 1,
    mesh: readHash(fields.mesh),
    meshName: readText(fields.meshName, 63),
    number: readCount(fields.number),
    previous: fields.previous === null ? null : readHash(fields.previous),
    madeAt: readTime(fields.madeAt),
    madeBy: { name: readText(madeBy.name, 63), node: readHash(madeBy.node), key: readHash(madeBy.key) },
    release: readText(fields.release, 100),
    newest: fields.newest === null ? null : readTime(fields.newest),
    heads: {
      authority: readTexts(heads.authority, MAX_LOGS).map(readHash),
      logs: readList(heads.logs, MAX_LOGS).map((value) => {
        const head = readFields(value);
        return {
          log: readHash(head.log),
          class: readCount(head.class),
          seq: readCount(head.seq),
          hash: readHash(head.hash),
        };
      }),
    },
    counts: Object.fromEntries(CHUNK_KINDS.map((kind) => [kind, readCount(counts[kind])])) as Manifest["counts"],
    chunks,
    peers: readList(fields.peers, MAX_LOGS).map((value) => {
      const peer = readFields(value);
      return { key: readHash(peer.key), addresses: readTexts(peer.addresses, 64) };
    }),
    ...(fields.psk === undefined ? {} : { psk: readSealedKey(fields.psk) }),
  };
}

function readSealedKey(value: Plain): NonNullable<Manifest["psk"]> {
  const { sealed = null } = readFields(value);
  return { sealed: sealed === null ? null : readText(sealed, MAX_SEALED_TEXT) };
}

function readChunkName(value: Plain): ChunkName {
  const fields = readFields(value);
  const kind = CHUNK_KINDS.find((one) => one === fields.kind);
  const bytes = readCount(fields.bytes);
  // A chunk that a later release adds is no reason to lose the rest; but then its manifest has another version.
  if (kind === undefined || bytes > MAX_CHUNK_BYTES) throw new MalformedError("not a chunk");
  return { kind, hash: readHash(fields.hash), bytes, records: readCount(fields.records) };
}

function readHash(value: Plain | undefined): string {
  const text = readText(value, 64);
  if (fromHex(text)?.length !== 32) throw new MalformedError("not a hash");
  return text;
}

function readCount(value: Plain | undefined): number {
  const count = readNumber(value);
  if (!Number.isSafeInteger(count)) throw new MalformedError("not a count");
  return count;
}

function readTime(value: Plain | undefined): string {
  const text = readText(value, 40);
  if (Number.isNaN(Date.parse(text))) throw new MalformedError("not a time");
  return text;
}
