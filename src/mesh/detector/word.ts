import { ascii, concat, fromHex, toHex } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import type { PeerKey } from "../../core/ports/link.ts";
import type { Keys, Signer } from "../../core/ports/keys.ts";

/*
 * What is told about a member, packed: prefix of its key (8 bytes), incarnation (6), status (1), number of accusers
 * (1), their prefixes (8 each), and unless the incarnation is 0 the member's own signature (64).
 */

/**
 * - `alive`: its own word
 * - `silent`: somebody accuses it of not answering
 * - `refused`: somebody lost the connection and was refused a new one
 * - `unreachable`: it did not defend itself in time
 * - `left`: its own word that it goes
 */
export type Status = "alive" | "silent" | "refused" | "unreachable" | "left";

const STATUSES: readonly Status[] = ["alive", "silent", "refused", "unreachable", "left"];

/** What a member says about itself. Only it can raise its incarnation: nobody else keeps a dead one alive. */
export type OwnWord = "alive" | "left";

export interface Word {
  readonly member: PeerKey;
  /**
   * How often the member has defended itself or started anew: of two words the one with the greater number counts.
   * 0: it has never said anything, as far as the teller knows.
   */
  readonly incarnation: number;
  readonly status: Status;
  readonly accusers: readonly PeerKey[];
  /** Of the member's own word: `left` for that status, else `alive`. Empty for incarnation 0. */
  readonly signature: Uint8Array;
}

const PREFIX_BYTES = 8;
const INCARNATION_BYTES = 6;
const SIGNATURE_BYTES = 64;
const HEAD_BYTES = PREFIX_BYTES + INCARNATION_BYTES + 2;
/** What is kept as a whole for one signature: a member's own word, which is how most of them come. */
const MOST_KEPT_BYTES = HEAD_BYTES + SIGNATURE_BYTES;
/** More confirm nothing. */
export const MAX_ACCUSERS = 4;
export const MAX_INCARNATION = 2 ** 48 - 1;

/** In one message; an honest one that has more to tell compares. */
export const MAX_WORDS = 1024;

/** Finds the member with that prefix. */
export type Named = (prefix: string) => PeerKey | undefined;

export function prefixOf(peer: PeerKey): string {
  return peer.slice(0, 2 * PREFIX_BYTES);
}

export function packWords(words: readonly Word[]): Uint8Array {
  const told = words.slice(0, MAX_WORDS);
  const packed = new Uint8Array(told.reduce((sum, word) => sum + sizeOf(word), 0));
  let at = 0;
  for (const word of told) at = packWord(packed, at, word);
  return packed;
}

function sizeOf({ incarnation, accusers }: Word): number {
  const signatureBytes = incarnation === 0 ? 0 : SIGNATURE_BYTES;
  return HEAD_BYTES + Math.min(accusers.length, MAX_ACCUSERS) * PREFIX_BYTES + signatureBytes;
}

/** Where the next one begins. */
function packWord(packed: Uint8Array, at: number, { member, incarnation, status, accusers, signature }: Word): number {
  const named = accusers.length <= MAX_ACCUSERS ? accusers : accusers.slice(0, MAX_ACCUSERS);
  setPrefix(packed, at, member);
  setIncarnation(packed, at + PREFIX_BYTES, incarnation);
  packed[at + HEAD_BYTES - 2] = STATUSES.indexOf(status);
  packed[at + HEAD_BYTES - 1] = named.length;
  let end = at + HEAD_BYTES;
  for (const accuser of named) {
    setPrefix(packed, end, accuser);
    end += PREFIX_BYTES;
  }
  if (incarnation === 0) return end;
  packed.set(signature, end);
  return end + SIGNATURE_BYTES;
}

/** The bytes of {@link prefixOf}. */
export function setPrefix(bytes: Uint8Array, at: number, peer: PeerKey): void {
  for (let i = 0; i < PREFIX_BYTES; i++) {
    bytes[at + i] = (digitOf(peer.charCodeAt(2 * i)) << 4) | digitOf(peer.charCodeAt(2 * i + 1));
  }
}

/** Of a lower-case hex digit, by its character code. */
function digitOf(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

/** Words about members that nobody here knows, and with a status of a later release, are left out. */
export function unpackWords(packed: Uint8Array, named: Named): Word[] {
  const words: Word[] = [];
  let at = 0;
  const take = (bytes: number): Uint8Array => {
    if (at + bytes > packed.length) throw new MalformedError("a word is cut off");
    at += bytes;
    return packed.subarray(at - bytes, at);
  };
  for (let count = 0; at < packed.length; count++) {
    if (count === MAX_WORDS) throw new MalformedError(`more than ${MAX_WORDS} words in one message`);
    const head = take(HEAD_BYTES);
    const member = named(toHex(head.subarray(0, PREFIX_BYTES)));
    const incarnation = incarnationAt(head, PREFIX_BYTES);
    const status = STATUSES[head[HEAD_BYTES - 2] ?? 0];
    const accuserCount = head[HEAD_BYTES - 1] ?? 0;
    if (accuserCount > MAX_ACCUSERS) throw new MalformedError(`more than ${MAX_ACCUSERS} accusers`);
    const accusers: PeerKey[] = [];
    for (let i = 0; i < accuserCount; i++) {
      const accuser = named(toHex(take(PREFIX_BYTES)));
      if (accuser !== undefined && !accusers.includes(accuser)) accusers.push(accuser);
    }
    const part = take(incarnation === 0 ? 0 : SIGNATURE_BYTES);
    // It stays; what it came in may stay with it if that is hardly more.
    const signature = packed.length > MOST_KEPT_BYTES ? part.slice() : part;
    if (member !== undefined && status !== undefined) words.push({ member, incarnation, status, accusers, signature });
  }
  return words;
}

/** Six bytes, big-endian. */
export function setIncarnation(bytes: Uint8Array, at: number, incarnation: number): void {
  let rest = incarnation;
  for (let i = INCARNATION_BYTES - 1; i >= 0; i--) {
    bytes[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

export function incarnationAt(bytes: Uint8Array, at: number): number {
  let incarnation = 0;
  for (let i = 0; i < INCARNATION_BYTES; i++) incarnation = incarnation * 256 + (bytes[at + i] ?? 0);
  return incarnation;
}

/** Signs this node's own words and checks those of others. */
export interface Voice {
  sign(word: OwnWord, incarnation: number): Uint8Array;
  isOwn(member: PeerKey, word: OwnWord, incarnation: number, signature: Uint8Array): boolean;
}

export function createVoice(keys: Keys, mesh: Uint8Array, signer: Signer): Voice {
  return {
    sign: (word, incarnation) => signer.sign(ownWordMessage(mesh, signer.publicKey, word, incarnation)),
    isOwn: (member, word, incarnation, signature) => {
      const key = fromHex(member);
      return key !== null && keys.verify(key, ownWordMessage(mesh, key, word, incarnation), signature);
    },
  };
}

const DOMAIN = ascii("lab/1/sign-own-word\0");

/** What a member signs to say that it is there, or goes: domain, mesh, key, incarnation (6 bytes), status (1). */
export function ownWordMessage(mesh: Uint8Array, key: Uint8Array, word: OwnWord, incarnation: number): Uint8Array {
  const tail = new Uint8Array(INCARNATION_BYTES + 1);
  setIncarnation(tail, 0, incarnation);
  tail[INCARNATION_BYTES] = STATUSES.indexOf(word);
  return concat(DOMAIN, mesh, key, tail);
}
