import { ascii, concat } from "../bytes.ts";
import { decode, encode, MalformedError, type Plain } from "../encoding.ts";
import { type Fields, readBytes, readFields, readNumber, readText } from "../fields.ts";
import type { Keys, Signer } from "../ports/keys.ts";
import type { Signable, Signature } from "../signature.ts";
import type { Heads } from "./freshness.ts";

/**
 * An operator asks a store for a value (`docs/protocol/secrets.md`): the store gives a challenge, and what the operator
 * signs names it, the store, the path and a recipient that nobody used before. So whoever carries the request can read
 * neither the answer nor use the request again.
 */

/** Any member, for an operator at its socket: a challenge that one request may answer. */
export const CHALLENGE_CHANNEL = "secret/challenge";
/** Any member: a request that an operator signed. */
export const READ_CHANNEL = "secret/read";

export const CHALLENGE_BYTES = 32;
const READ = ascii("lab/1/secret-read\0");
const READ_ANSWER = ascii("lab/1/secret-read-answer\0");
/** Of `ssh-keygen -Y sign`: a request never passes for anything else that an SSH key signs. */
const NAMESPACE = "lab@secret-read";

/** What an operator says. */
export interface OperatorRead {
  readonly mesh: Uint8Array;
  /** Hex of the operator's key. */
  readonly operator: string;
  /** Hex of the key of the store that is asked. */
  readonly store: string;
  readonly path: string;
  /** Age recipient, made for this one request. */
  readonly recipient: string;
  /** What the store gave for it. */
  readonly challenge: Uint8Array;
}

export function encodeOperatorRead(read: OperatorRead): Uint8Array {
  return encode({ v: 1, ...read } as unknown as Plain);
}

/** The path is as the operator wrote it, a path or not. */
function decodeOperatorRead(bytes: Uint8Array): OperatorRead {
  const { mesh, operator, store, path, recipient, challenge } = readMessage(bytes);
  return {
    mesh: readBytes(mesh, 32),
    operator: readKey(operator),
    store: readKey(store),
    path: readText(path, 1000),
    recipient: readText(recipient, 100),
    challenge: readBytes(challenge, CHALLENGE_BYTES),
  };
}

/** What the signature of a request covers, by the bytes of {@link encodeOperatorRead}. */
export function readToSign(read: Uint8Array): Signable {
  return { namespace: NAMESPACE, message: concat(READ, read) };
}

/** A request on its way, with what the member knows that carries it. */
export interface CarriedRead extends Heads {
  readonly read: OperatorRead;
  /** As it was signed. */
  readonly bytes: Uint8Array;
  readonly signature: Signature;
}

export function encodeCarriedRead({ bytes, signature, authority, desired }: Omit<CarriedRead, "read">): Uint8Array {
  return encode({ v: 1, read: bytes, scheme: signature.scheme, signature: signature.bytes, authority, desired });
}

export function decodeCarriedRead(message: Uint8Array): CarriedRead {
  const { read, scheme, signature, authority, desired } = readMessage(message);
  const bytes = readBytes(read);
  return {
    read: decodeOperatorRead(bytes),
    bytes,
    signature: { scheme: readNumber(scheme), bytes: readBytes(signature) },
    authority: readBytes(authority, 32),
    desired: readBytes(desired, 32),
  };
}

export function encodeChallengeAnswer(challenge: Uint8Array): Uint8Array {
  return encode({ v: 1, challenge });
}

export function decodeChallengeAnswer(bytes: Uint8Array): Uint8Array {
  return readBytes(readMessage(bytes).challenge, CHALLENGE_BYTES);
}

/** An answer with the word of the store that it is its own, to this very request: whoever carries it could invent one. */
export function signReadAnswer(
  keys: Pick<Keys, "hash">,
  signer: Signer,
  read: Uint8Array,
  answer: Uint8Array,
): Uint8Array {
  return encode({ v: 1, answer, signature: signer.sign(answerMessage(keys, read, answer)) });
}

/** The answer; null if this store did not give it to this request. Throws {@link MalformedError}. */
export function openReadAnswer(
  keys: Pick<Keys, "hash" | "verify">,
  store: Uint8Array,
  read: Uint8Array,
  signed: Uint8Array,
): Uint8Array | null {
  const { answer, signature } = readMessage(signed);
  const bytes = readBytes(answer);
  return keys.verify(store, answerMessage(keys, read, bytes), readBytes(signature, 64)) ? bytes : null;
}

function answerMessage(keys: Pick<Keys, "hash">, read: Uint8Array, answer: Uint8Array): Uint8Array {
  return concat(READ_ANSWER, keys.hash(read), answer);
}

function readKey(value: Plain | undefined): string {
  const key = readText(value, 64);
  if (!/^[0-9a-f]{64}$/.test(key)) throw new MalformedError("not a key");
  return key;
}

function readMessage(bytes: Uint8Array): Fields {
  const fields = readFields(decode(bytes));
  if (fields.v !== 1) throw new MalformedError("a message of another release");
  return fields;
}
