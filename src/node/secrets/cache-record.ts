import { decode, encode, MalformedError, type Plain } from "../../core/encoding.ts";
import { readBytes, readFields, readNumber, readTexts } from "../../core/fields.ts";
import type { Keys } from "../../core/ports/keys.ts";
import type { Secret } from "../../core/secret.ts";
import { readSecretPath, readVersionId, type SealingTools } from "../../core/secrets/envelope.ts";

const CONTEXT = "lab/1/secret-cache";
const NONCE_BYTES = 12;

export interface CacheRecordFacts {
  readonly path: string;
  readonly version: string;
  /** The ways in which it was granted when it was fetched (`policy/entitlement.ts`): labels, or `label:class`. */
  readonly labels: readonly string[];
  readonly fetchedMs: number;
}

/** A value as it lies on this machine, in memory and on disk: under the machine key, bound to mesh, path and version. */
export interface CacheRecord extends CacheRecordFacts {
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

export function sealCacheRecord(
  { keys, random }: SealingTools,
  machineKey: Secret,
  mesh: Uint8Array,
  facts: CacheRecordFacts,
  value: Secret,
): CacheRecord {
  const nonce = random.bytes(NONCE_BYTES);
  return { ...facts, nonce, sealed: keys.encrypt(machineKey, nonce, associated(mesh, facts), value) };
}

/** Null if the record was altered, or sealed on another machine. */
export function openCacheRecord(keys: Keys, machineKey: Secret, mesh: Uint8Array, record: CacheRecord): Secret | null {
  return keys.decrypt(machineKey, record.nonce, associated(mesh, record), record.sealed);
}

export function encodeCacheRecord(record: CacheRecord): Uint8Array {
  return encode({ v: 1, ...record } as unknown as Plain);
}

/** Null for a damaged record. */
export function decodeCacheRecord(bytes: Uint8Array): CacheRecord | null {
  try {
    const fields = readFields(decode(bytes));
    return {
      path: readSecretPath(fields.path),
      version: readVersionId(fields.version),
      labels: readTexts(fields.labels, 1000),
      fetchedMs: readNumber(fields.fetchedMs),
      nonce: readBytes(fields.nonce, NONCE_BYTES),
      sealed: new Uint8Array(readBytes(fields.sealed)),
    };
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

function associated(mesh: Uint8Array, { path, version }: CacheRecordFacts): Uint8Array {
  return encode([CONTEXT, mesh, path, version]);
}
