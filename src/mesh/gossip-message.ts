import { fromHex, toHex } from "../core/bytes.ts";
import { decode, encode, type Plain } from "../core/encoding.ts";
import type { PeerKey } from "../core/ports/link.ts";

/**
 * What members say to everybody.
 * - `unknown`: what a later release says besides; it is passed on
 * - `malformed`: no member says that; it is not passed on
 */
export type GossipMessage =
  | { readonly kind: "entries"; readonly entries: readonly Uint8Array[] }
  | { readonly kind: "beat"; readonly beat: Beat }
  | { readonly kind: "unknown" | "malformed" };

const MALFORMED: GossipMessage = { kind: "malformed" };

/** A sign of life. */
export interface Beat {
  readonly from: PeerKey;
  /** Drawn at each start of the agent: numbers of another run say nothing about the order. */
  readonly run: string;
  readonly number: number;
  /** Prefixes of the members that it is connected to, in one: mostly it is the same as the last time. */
  readonly connected: string;
}

/** Gossip gets slow well below the limit of a broadcast; a batch that is larger goes in several. */
export const MAX_GOSSIP_BYTES = 256 * 1024;

/** Head of the message and of its list, rounded up. */
const FRAME_BYTES = 32;
/** Head of a byte string of up to 4 GiB. */
const HEAD_BYTES = 5;

const KEY_BYTES = 32;
const RUN_BYTES = 8;
const PREFIX_BYTES = 8;
/** Twice as many connections as a node keeps. */
const MAX_LISTED = 64;

/** In the order given. An entry that fits into no message is left out: none is that large. */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array[] {
  const messages: Uint8Array[][] = [];
  let sizeBytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const needsBytes = entry.length + HEAD_BYTES;
    if (FRAME_BYTES + needsBytes > MAX_GOSSIP_BYTES) continue;
    if (sizeBytes + needsBytes > MAX_GOSSIP_BYTES) {
      messages.push([]);
      sizeBytes = FRAME_BYTES;
    }
    messages.at(-1)?.push(entry);
    sizeBytes += needsBytes;
  }
  return messages.map((e) => encode({ k: "entries", e }));
}

export function encodeBeat(beat: Beat): Uint8Array {
  const { from, run, number, connected } = beat;
  return encode({ k: "beat", p: fromHex(from), r: fromHex(run), n: number, c: fromHex(connected) });
}

export function decodeGossip(body: Uint8Array): GossipMessage {
  if (body.length > MAX_GOSSIP_BYTES) return MALFORMED;
  let message: Plain;
  try {
    message = decode(body, "lend");
  } catch {
    return MALFORMED;
  }
  if (message === null || typeof message !== "object" || Array.isArray(message) || message instanceof Uint8Array) {
    return MALFORMED;
  }
  const fields = message as Record<string, Plain | undefined>;
  switch (fields.k) {
    case "entries":
      return readEntries(fields.e);
    case "beat":
      return readBeat(fields);
    default:
      return { kind: typeof fields.k === "string" ? "unknown" : "malformed" };
  }
}

function readEntries(value: Plain | undefined): GossipMessage {
  if (!Array.isArray(value) || !value.every((entry) => entry instanceof Uint8Array)) return MALFORMED;
  return { kind: "entries", entries: value };
}

function readBeat({ p, r, n, c }: Record<string, Plain | undefined>): GossipMessage {
  if (!(p instanceof Uint8Array) || p.length !== KEY_BYTES) return MALFORMED;
  if (!(r instanceof Uint8Array) || r.length !== RUN_BYTES) return MALFORMED;
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 0) return MALFORMED;
  if (!(c instanceof Uint8Array) || c.length % PREFIX_BYTES !== 0 || c.length > MAX_LISTED * PREFIX_BYTES)
    return MALFORMED;
  return { kind: "beat", beat: { from: toHex(p), run: toHex(r), number: n, connected: toHex(c) } };
}

/** Of a key: enough to name a member within one mesh. */
export function prefixOf(peer: PeerKey): string {
  return peer.slice(0, 2 * PREFIX_BYTES);
}

export function joinPrefixes(peers: readonly PeerKey[]): string {
  return peers.slice(0, MAX_LISTED).map(prefixOf).join("");
}

export function splitPrefixes(joined: string): string[] {
  return Array.from({ length: joined.length / (2 * PREFIX_BYTES) }, (_, i) =>
    joined.slice(2 * PREFIX_BYTES * i, 2 * PREFIX_BYTES * (i + 1)),
  );
}
