import { MalformedError } from "../core/encoding.ts";
import { LabError } from "../core/errors.ts";
import { HLC_MAX_AHEAD_MS, type Hlc, mergeHlc, nextHlc } from "../core/hlc.ts";
import type { Json } from "../core/json.ts";
import type { Keys } from "../core/ports/keys.ts";
import { draftLink } from "../crdt/compose.ts";
import { type ChainHeader, CLASS_DESIRED, decodeEntry, type Entry, isChain } from "../crdt/entry/entry.ts";
import { carriesValidSignature } from "../crdt/entry/signatures.ts";
import type { DocumentCursor } from "../crdt/ledger/document-cursor.ts";
import type { LedgerWrite } from "../crdt/ledger/update-codec.ts";
import { type OperatorSigner, sealDraft } from "./signer.ts";

/** What shall stand at a path from now on; `undefined` removes it. */
export interface Write {
  readonly path: string;
  readonly value: Json | undefined;
}

/** Where the signer's ledger ends, and what it knows of the others. */
export interface LedgerPosition {
  readonly mesh: Uint8Array;
  readonly log: Uint8Array;
  readonly head: { readonly seq: number; readonly hash: Uint8Array } | null;
  /** Clock of the head. */
  readonly hlc: Hlc;
  readonly cursor: DocumentCursor;
  /** Newest clock that the peer has seen. */
  readonly newest: Hlc;
  readonly nowMs: number;
  /** Digest of the authority heads. */
  readonly seen: Uint8Array;
  /** By path: hex of the other logs' entries whose write there is current. */
  readonly others: Readonly<Record<string, readonly string[]>>;
}

export interface SignedLink {
  readonly entry: Entry<ChainHeader>;
  /** Read back from the entry's bytes. */
  readonly writes: readonly LedgerWrite[];
}

/** An entry has at most 64 KiB; header and signature take their part. */
const PAYLOAD_LIMIT_BYTES = 60 * 1024;
const WRITES_PER_ENTRY = 1000;
/** Clocks in an update grow by a byte now and then as a batch goes on. */
const SLACK_BYTES = 8;

/** Refuses to go on with a clock that others would not follow (`trust.md` §9). Throws `ClockOff`. */
export function requireCommonClock(ownMs: number, peerMs: number, peer: string): void {
  const aheadMs = ownMs - peerMs;
  if (Math.abs(aheadMs) <= HLC_MAX_AHEAD_MS) return;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const side = aheadMs > 0 ? "ahead of" : "behind";
  throw new LabError("ClockOff", `this machine's clock is ${minutes} minutes ${side} that of ${peer}`, {
    notes: ["what is signed with a wrong clock would lose against older writes, or hide later ones"],
    hint: "set the clock of the one that is wrong (timedatectl set-ntp true)",
  });
}

/**
 * Signs writes as one batch: peers fold it whole or not at all. The position's cursor stays where it is.
 * What comes back was read again from the bytes that will be sent. Throws `TooLarge`, `Invalid`.
 */
export async function signWrites(
  keys: Keys,
  signer: OperatorSigner,
  position: LedgerPosition,
  writes: readonly Write[],
): Promise<readonly SignedLink[]> {
  const { mesh, log, seen, nowMs } = position;
  const whole = writes.map(({ path, value }): LedgerWrite => ({ path, value, over: position.others[path] ?? [] }));
  let hlc = mergeHlc(position.hlc, position.newest, nowMs);
  const parts = split(position.cursor, whole, hlc);
  const cursor = position.cursor.copy();
  let { head } = position;
  const links: SignedLink[] = [];
  for (const [i, part] of parts.entries()) {
    hlc = nextHlc(hlc, nowMs);
    const place = { mesh, log, class: CLASS_DESIRED, head, hlc, seen, more: parts.length - 1 - i };
    const draft = draftLink(keys, place, cursor.encode(part, hlc), signer.publicKey);
    const signed = readBack(keys, (await sealDraft(keys, draft, signer)).bytes, cursor);
    head = { seq: signed.entry.header.seq, hash: signed.entry.hash };
    links.push(signed);
  }
  return links;
}

/** What every peer will do with the bytes, done before anybody sees them. */
function readBack(keys: Keys, bytes: Uint8Array, cursor: DocumentCursor): SignedLink {
  const entry = decodeEntry(keys, bytes);
  if (!isChain(entry) || !carriesValidSignature(keys, entry)) throw new Error("an own entry does not verify");
  return { entry, writes: cursor.advance(entry.payload, entry.header.hlc) };
}

function split(cursor: DocumentCursor, writes: readonly LedgerWrite[], hlc: Hlc): LedgerWrite[][] {
  const parts: LedgerWrite[][] = [];
  let part: LedgerWrite[] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = sizeOf(cursor, write, hlc);
    if (part.length === WRITES_PER_ENTRY || (part.length > 0 && bytes + size > PAYLOAD_LIMIT_BYTES)) {
      parts.push(part);
      [part, bytes] = [[], 0];
    }
    part.push(write);
    bytes += size;
  }
  return part.length === 0 ? parts : [...parts, part];
}

function sizeOf(cursor: DocumentCursor, write: LedgerWrite, hlc: Hlc): number {
  let bytes: number;
  try {
    bytes = cursor.encode([write], hlc).length + SLACK_BYTES;
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new LabError("Invalid", `${write.path} cannot be written: ${cause.message}`, {}, { cause });
  }
  if (bytes <= PAYLOAD_LIMIT_BYTES) return bytes;
  throw new LabError("TooLarge", `${write.path} has ${bytes} bytes; one value has at most ${PAYLOAD_LIMIT_BYTES}`);
}
