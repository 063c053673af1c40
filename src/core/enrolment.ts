import { ascii, concat, equalBytes, fromBase64Url, toBase64Url } from "./bytes.ts";
import { decode, encode, MalformedError, type Plain } from "./encoding.ts";
import { LabError } from "./errors.ts";
import { readBytes, readFields, readNumber, readText, readTexts } from "./fields.ts";
import type { Keys } from "./ports/keys.ts";

/** What a token and its redemption say (`docs/protocol/tokens.md`). */

type Hash = Pick<Keys, "hash">;

const JOIN = ascii("lab/1/join\0");
const TOKEN_SECRET = ascii("lab/1/token-secret\0");
const TOKEN_CHECK = ascii("lab/1/token-check\0");
const TOKEN_PREFIX = "lab1.";
const CHECK_BYTES = 4;

/** What a node's key signs to say: I want to be a member of this mesh, and secrets for me are sealed to this key. */
export function joinMessage(mesh: Uint8Array, nodeKey: Uint8Array, seal: string): Uint8Array {
  return concat(JOIN, mesh, nodeKey, ascii(seal));
}

/** What stands in the token entry instead of the token's secret. */
export function tokenSecretHash(keys: Hash, secret: Uint8Array): Uint8Array {
  return keys.hash(concat(TOKEN_SECRET, secret));
}

/** A join token as people hand it on: whoever has it can become the member that it describes, once. */
export interface JoinToken {
  readonly mesh: Uint8Array;
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
  /** Node key of the coordinator that redeems it. */
  readonly issuer: Uint8Array;
  readonly addresses: readonly string[];
  readonly expiresMs: number;
  /** Null leaves the name to the joiner. */
  readonly name: string | null;
  /** What every connection of this mesh begins with, where the mesh has one. */
  readonly psk?: Uint8Array;
}

/** Another kind of key would come with another number. */
const PSK_VERSION = 1;

export function writeToken(keys: Hash, { psk, ...token }: JoinToken): string {
  const shared = psk === undefined ? {} : { psk: { v: PSK_VERSION, key: psk } };
  const body = encode({ v: 1, ...token, ...shared } as unknown as Plain);
  return TOKEN_PREFIX + toBase64Url(concat(keys.hash(concat(TOKEN_CHECK, body)).subarray(0, CHECK_BYTES), body));
}

/** Throws `TokenRefused` for a text that is no token, was cut short or altered. */
export function readToken(keys: Hash, text: string): JoinToken {
  const bytes = text.startsWith(TOKEN_PREFIX) ? fromBase64Url(text.slice(TOKEN_PREFIX.length)) : null;
  if (bytes === null) throw refused("this is not a join token", "copy the whole line that `lab token create` printed");
  const body = bytes.subarray(CHECK_BYTES);
  if (!equalBytes(bytes.subarray(0, CHECK_BYTES), keys.hash(concat(TOKEN_CHECK, body)).subarray(0, CHECK_BYTES))) {
    throw refused("the token was cut short or altered", "copy the whole line that `lab token create` printed");
  }
  try {
    return readTokenBody(body);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw refused("this is not a join token", "ask an operator for another: lab token create");
  }
}

function readTokenBody(body: Uint8Array): JoinToken {
  const fields = readFields(decode(body));
  if (fields.v !== 1) throw newer();
  return {
    mesh: readBytes(fields.mesh, 32),
    id: readBytes(fields.id, 16),
    secret: readBytes(fields.secret, 32),
    issuer: readBytes(fields.issuer, 32),
    addresses: readTexts(fields.addresses, 16),
    expiresMs: readNumber(fields.expiresMs),
    name: fields.name === null ? null : readText(fields.name, 63),
    ...(fields.psk === undefined ? {} : { psk: readPsk(fields.psk) }),
  };
}

function readPsk(value: Plain): Uint8Array {
  const { v, key } = readFields(value);
  if (v !== PSK_VERSION) throw newer();
  return readBytes(key, 32);
}

function newer(): LabError {
  return refused("the token is of a newer release", "update lab on this machine");
}

function refused(message: string, hint: string): LabError {
  return new LabError("TokenRefused", message, { hint });
}

/** The channel that strangers reach, and nothing else. */
export const ENROL_CHANNEL = "enrol";

/** What a machine with a token asks the issuing coordinator. The connection proves the node's key. */
export interface EnrolRequest {
  readonly tokenId: Uint8Array;
  readonly secret: Uint8Array;
  readonly seal: string;
  readonly proof: Uint8Array;
  /** The name that the joiner wishes, where the token leaves it open. */
  readonly name: string | null;
  /** How many authority entries of the answer it has already; null if it takes all of them in one answer or none. */
  readonly after: number | null;
}

/**
 * - `enrolled`: a member; with authority entries (genesis first, and `more` if there are further ones) and where other
 *   members listen
 * - `refused`: with the reason in the coordinator's words
 */
export type EnrolAnswer =
  | {
      readonly state: "enrolled";
      readonly entries: readonly Uint8Array[];
      readonly members: readonly MemberAddress[];
      readonly more: boolean;
    }
  | { readonly state: "refused"; readonly reason: string; readonly hint: string };

export interface MemberAddress {
  readonly key: Uint8Array;
  readonly addresses: readonly string[];
}

export function encodeEnrolRequest({ after, ...request }: EnrolRequest): Uint8Array {
  return encode({ v: 1, ...request, ...(after === null ? {} : { after }) } as unknown as Plain);
}

export function decodeEnrolRequest(bytes: Uint8Array): EnrolRequest {
  const fields = readFields(decode(bytes));
  return {
    tokenId: readBytes(fields.tokenId, 16),
    secret: readBytes(fields.secret, 32),
    seal: readText(fields.seal, 100),
    proof: readBytes(fields.proof, 64),
    name: fields.name === null ? null : readText(fields.name, 63),
    after: fields.after === undefined ? null : readCount(fields.after),
  };
}

function readCount(value: Plain): number {
  const count = readNumber(value);
  if (!Number.isSafeInteger(count)) throw new MalformedError("not a count");
  return count;
}

export function encodeEnrolAnswer(answer: EnrolAnswer): Uint8Array {
  return encode({ v: 1, ...answer } as unknown as Plain);
}

export function decodeEnrolAnswer(bytes: Uint8Array): EnrolAnswer {
  const fields = readFields(decode(bytes));
  if (fields.state !== "enrolled") {
    return { state: "refused", reason: readText(fields.reason, 300), hint: readText(fields.hint, 300) };
  }
  if (!Array.isArray(fields.entries) || !Array.isArray(fields.members)) throw new MalformedError("not an answer");
  return {
    state: "enrolled",
    entries: (fields.entries as Plain[]).map((entry) => readBytes(entry)),
    members: (fields.members as Plain[]).map((value) => {
      const member = readFields(value);
      return { key: readBytes(member.key, 32), addresses: readTexts(member.addresses, 16) };
    }),
    more: fields.more === true,
  };
}
