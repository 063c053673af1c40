import { decode, encode, MalformedError, type Plain } from "../encoding.ts";
import { type Fields, readBytes, readFields, readList, readNumber, readText } from "../fields.ts";
import { Secret } from "../secret.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope, readSecretPath, readVersionId } from "./envelope.ts";
import { COMMITMENT_NONCE_BYTES, type Committed } from "./version.ts";

/** What stores are asked and answer over the mesh (`docs/protocol/secrets.md`). */

/** Any member: hands a store the envelope of a version. */
export const PUT_CHANNEL = "secret/put";
/** Any member: asks for a value. */
export const GET_CHANNEL = "secret/get";
/** Any member: which versions a store holds. */
export const LIST_CHANNEL = "secret/list";
/** Any member: tells a store to seal the value of an older version that it keeps as the current one. */
export const RESTORE_CHANNEL = "secret/restore";
/** Any member: how complete a store is. */
export const CENSUS_CHANNEL = "secret/census";
/** Stores only: an envelope. */
export const FETCH_CHANNEL = "secret/fetch";

export type PutAnswer = { readonly stored: true } | { readonly stored: false; readonly reason: string };

export function encodePutAnswer(answer: PutAnswer): Uint8Array {
  return encode({ v: 1, ...answer });
}

export function decodePutAnswer(bytes: Uint8Array): PutAnswer {
  const fields = readMessage(bytes);
  return fields.stored === true ? { stored: true } : { stored: false, reason: readText(fields.reason, 300) };
}

export interface GetRequest {
  readonly path: string;
  /** Hex of a version besides the current one that is still valid; a store of before gives the current one. */
  readonly version?: string;
  /** Digests of what the requester knows: a store that knows otherwise catches up before it answers. */
  readonly authority: Uint8Array;
  readonly desired: Uint8Array;
}

export function encodeGetRequest(request: GetRequest): Uint8Array {
  return encode({ v: 1, ...request } as unknown as Plain);
}

/** The path is as the requester wrote it, a path or not. */
export function decodeGetRequest(bytes: Uint8Array): GetRequest {
  const { path, version, authority, desired } = readMessage(bytes);
  return {
    path: readText(path, 1000),
    ...(version === undefined ? {} : { version: readVersionId(version) }),
    authority: readBytes(authority, 32),
    desired: readBytes(desired, 32),
  };
}

/** Whether the store knew itself to be up to date when it answered. */
export type Vouched = "fresh" | "unvouched";

/**
 * - `none`: there is no such secret, or not for this member; the two are one answer
 * - `missing`: the requester may have it, but this store does not hold the current version
 * - `unvouched`: the secret is strict, and the store does not know itself to be up to date
 * - `value`: {@link encodeServed}, sealed to the requester
 */
export type GetAnswer =
  | { readonly state: "none" | "missing" | "unvouched" }
  | { readonly state: "value"; readonly sealed: Uint8Array; readonly vouched: Vouched };

export function encodeGetAnswer(answer: GetAnswer): Uint8Array {
  return encode({ v: 1, ...answer });
}

export function decodeGetAnswer(bytes: Uint8Array): GetAnswer {
  const { state, sealed, vouched } = readMessage(bytes);
  switch (state) {
    case "none":
    case "missing":
    case "unvouched":
      return { state };
    case "value":
      return { state, sealed: readBytes(sealed), vouched: vouched === "fresh" ? "fresh" : "unvouched" };
    default:
      throw new MalformedError("not an answer");
  }
}

/**
 * A version as it is served, inside its seal: with its value, or as the envelope that the store cannot open itself
 * (class `sealed`).
 */
export interface Served {
  readonly path: string;
  readonly version: string;
  readonly content: Committed | Envelope;
}

export function encodeServed({ path, version, content }: Served): Secret {
  if ("sealedValue" in content) return new Secret(encode({ path, version, e: encodeEnvelope(content) }));
  return new Secret(encode({ path, version, n: content.nonce, v: content.value.reveal() }));
}

export function decodeServed(served: Secret): Served {
  const { path, version, n, v, e } = readFields(decode(served.reveal()));
  const subject = { path: readSecretPath(path), version: readVersionId(version) };
  if (e !== undefined) return { ...subject, content: decodeEnvelope(new Uint8Array(readBytes(e))) };
  const nonce = new Uint8Array(readBytes(n, COMMITMENT_NONCE_BYTES));
  return { ...subject, content: { nonce, value: new Secret(new Uint8Array(readBytes(v))) } };
}

/** How complete a store is, by its own word. */
export interface Census {
  /** Current versions of its view, and how many of them it holds. */
  readonly current: number;
  readonly held: number;
  /** Versions, older ones included, that are not wrapped to exactly the stores of its view yet. */
  readonly toWrap: number;
  readonly vouched: Vouched;
}

export function encodeCensus(census: Census): Uint8Array {
  return encode({ v: 1, ...census });
}

export function decodeCensus(bytes: Uint8Array): Census {
  const { current, held, toWrap, vouched } = readMessage(bytes);
  return {
    current: readNumber(current),
    held: readNumber(held),
    toWrap: readNumber(toWrap),
    vouched: vouched === "fresh" ? "fresh" : "unvouched",
  };
}

export interface HeldVersion {
  readonly path: string;
  readonly version: string;
}

/** Part of what a store holds, ascending by path and version. */
export interface HeldPage {
  readonly held: readonly HeldVersion[];
  readonly more: boolean;
}

/** With names of 200 characters, a page of this length is well within a frame. */
export const PAGE_VERSIONS = 5000;

/** Asks for the versions behind this one; null for the first page. With `path` only for versions of that. */
export interface ListRequest {
  readonly after: HeldVersion | null;
  readonly path?: string;
}

export function encodeListRequest({ after, path }: ListRequest): Uint8Array {
  const rest = path === undefined ? {} : { path };
  return encode({ v: 1, after: after === null ? null : [after.path, after.version], ...rest });
}

export function decodeListRequest(bytes: Uint8Array): ListRequest {
  const { after, path } = readMessage(bytes);
  const rest = path === undefined ? {} : { path: readSecretPath(path) };
  return { after: after === null ? null : readHeld(after), ...rest };
}

export function encodeHeldPage({ held, more }: HeldPage): Uint8Array {
  return encode({ v: 1, held: held.map(({ path, version }) => [path, version]), more });
}

export function decodeHeldPage(bytes: Uint8Array): HeldPage {
  const { held, more } = readMessage(bytes);
  return { held: readList(held, PAGE_VERSIONS).map(readHeld), more: more === true };
}

/** A {@link HeldVersion} by itself: what is fetched, or restored. */
export function encodeFetchRequest({ path, version }: HeldVersion): Uint8Array {
  return encode({ v: 1, path, version });
}

export function decodeFetchRequest(bytes: Uint8Array): HeldVersion {
  const { path, version } = readMessage(bytes);
  return { path: readSecretPath(path), version: readVersionId(version) };
}

/** An encoded envelope, or null where the store does not hold the version. */
export function encodeFetchAnswer(envelope: Uint8Array | null): Uint8Array {
  return encode({ v: 1, envelope });
}

export function decodeFetchAnswer(bytes: Uint8Array): Uint8Array | null {
  const { envelope } = readMessage(bytes);
  return envelope === null ? null : readBytes(envelope);
}

/** Unknown members are a later release's; another version of the message is not understood. */
function readMessage(bytes: Uint8Array): Fields {
  const fields = readFields(decode(bytes));
  if (fields.v !== 1) throw new MalformedError("a message of another release");
  return fields;
}

function readHeld(value: Plain | undefined): HeldVersion {
  const [path, version] = readList(value, 2);
  return { path: readSecretPath(path), version: readVersionId(version) };
}
