import { decode, encode, MalformedError, type Plain } from "../encoding.ts";
import { SealBrokenError } from "../errors.ts";
import { readBytes, readFields, readText, readTexts } from "../fields.ts";
import { isSecretPath } from "../names.ts";
import type { Keys, SealIdentity } from "../ports/keys.ts";
import type { Random } from "../ports/random.ts";
import { Secret } from "../secret.ts";
import { COMMITMENT_NONCE_BYTES, type Committed, isVersionId, MAX_VALUE_BYTES } from "./version.ts";

/** What stores keep: a value under a key of its own, and that key wrapped to those who keep it. */

const CONTEXT = "lab/1/envelope";
const BODY_CONTEXT = "lab/1/envelope-body";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** What encoding, nonce and tag add to a value, with room to spare. */
const OVERHEAD_BYTES = 128;
const MAX_RECIPIENTS = 256;

/** What an envelope is about; bound to its content, so that it cannot be passed off as another. */
export interface EnvelopeSubject {
  readonly path: string;
  /**
   * Hex of the ledger entry that wrote the version. The content of class `sealed` is bound to the commitment in its
   * place, as it is sealed before there is an entry.
   */
  readonly version: string;
  readonly class: string;
}

export interface Envelope extends EnvelopeSubject {
  readonly nonce: Uint8Array;
  readonly sealedValue: Uint8Array;
  /** Whom the key is wrapped to: a claim of whoever wrapped it, to decide who lacks it. */
  readonly recipients: readonly string[];
  /** Age file of the key. */
  readonly wrapped: Uint8Array;
}

/** What sealing takes: always fresh keys and nonces. */
export interface SealingTools {
  readonly keys: Keys;
  readonly random: Random;
}

export async function sealEnvelope(
  { keys, random }: SealingTools,
  mesh: Uint8Array,
  subject: EnvelopeSubject,
  { nonce: n, value }: Committed,
  recipients: readonly string[],
): Promise<Envelope> {
  if (value.byteLength > MAX_VALUE_BYTES) throw new Error("a value is at most one MiB");
  const key = new Secret(random.bytes(KEY_BYTES));
  const content = new Secret(encode({ n, v: value.reveal() }));
  try {
    const nonce = random.bytes(NONCE_BYTES);
    const sealedValue = keys.encrypt(key, nonce, associated(mesh, subject), content);
    const wrapped = await keys.seal(recipients, key);
    const { path, version } = subject;
    return { path, version, class: subject.class, nonce, sealedValue, recipients: [...recipients].sort(), wrapped };
  } finally {
    key.wipe();
    content.wipe();
  }
}

/**
 * Null if the key is not wrapped to this identity. Throws {@link SealBrokenError} if anything was altered. `bound` is
 * what the content is bound to, if that is not the version.
 */
export async function openEnvelope(
  keys: Keys,
  seal: SealIdentity,
  mesh: Uint8Array,
  envelope: Envelope,
  bound = envelope.version,
): Promise<Committed | null> {
  const key = await keys.open(seal, envelope.wrapped);
  if (key === null) return null;
  const subject = { ...envelope, version: bound };
  const content = keys.decrypt(key, envelope.nonce, associated(mesh, subject), envelope.sealedValue);
  key.wipe();
  if (content === null) throw new SealBrokenError();
  try {
    return readCommitted(content.reveal());
  } finally {
    content.wipe();
  }
}

/**
 * The same value for other recipients. While nobody goes the key stays; where somebody went, who may have kept it,
 * value and key are sealed anew. The writer's commitment holds for either. Null if `seal` cannot open the envelope.
 */
export async function rewrap(
  tools: SealingTools,
  seal: SealIdentity,
  mesh: Uint8Array,
  envelope: Envelope,
  recipients: readonly string[],
): Promise<Envelope | null> {
  if (envelope.recipients.some((recipient) => !recipients.includes(recipient))) {
    const committed = await openEnvelope(tools.keys, seal, mesh, envelope);
    if (committed === null) return null;
    try {
      return await sealEnvelope(tools, mesh, envelope, committed, recipients);
    } finally {
      committed.value.wipe();
    }
  }
  const key = await tools.keys.open(seal, envelope.wrapped);
  if (key === null) return null;
  try {
    return { ...envelope, recipients: [...recipients].sort(), wrapped: await tools.keys.seal(recipients, key) };
  } finally {
    key.wipe();
  }
}

/** What the writer of a version of class `sealed` signs: stores cannot open what they keep, and can compare it. */
export function envelopeBody(keys: Pick<Keys, "hash">, envelope: Envelope): Uint8Array {
  const { nonce, sealedValue, recipients, wrapped } = envelope;
  return keys.hash(encode([BODY_CONTEXT, nonce, sealedValue, [...recipients], wrapped]));
}

export function encodeEnvelope(envelope: Envelope): Uint8Array {
  return encode({ v: 1, ...envelope } as unknown as Plain);
}

export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const fields = readFields(decode(bytes));
  if (fields.v !== 1) throw new MalformedError("an envelope of another release");
  const sealedValue = readBytes(fields.sealedValue);
  if (sealedValue.length > MAX_VALUE_BYTES + OVERHEAD_BYTES) throw new MalformedError("a value of more than one MiB");
  return {
    path: readSecretPath(fields.path),
    version: readVersionId(fields.version),
    class: readText(fields.class, 20),
    nonce: readBytes(fields.nonce, NONCE_BYTES),
    sealedValue,
    recipients: readTexts(fields.recipients, MAX_RECIPIENTS),
    wrapped: readBytes(fields.wrapped),
  };
}

export function readSecretPath(value: Plain | undefined): string {
  const path = readText(value, 200);
  if (!isSecretPath(path)) throw new MalformedError("not a secret's path");
  return path;
}

export function readVersionId(value: Plain | undefined): string {
  const version = readText(value, 64);
  if (!isVersionId(version)) throw new MalformedError("not a version");
  return version;
}

function readCommitted(content: Uint8Array): Committed {
  const { n, v } = readFields(decode(content));
  // Copies: the content that they are part of is overwritten.
  return {
    nonce: new Uint8Array(readBytes(n, COMMITMENT_NONCE_BYTES)),
    value: new Secret(new Uint8Array(readBytes(v))),
  };
}

function associated(mesh: Uint8Array, subject: EnvelopeSubject): Uint8Array {
  return encode([CONTEXT, mesh, subject.path, subject.version, subject.class]);
}
