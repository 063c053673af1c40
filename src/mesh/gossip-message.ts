import { decode, encode, type Plain } from "../core/encoding.ts";

/**
 * What members say to everybody.
 * - `unknown`: what a later release says besides; it is passed on
 * - `malformed`: no member says that; it is not passed on
 */
export type GossipMessage =
  | { readonly kind: "entries"; readonly entries: readonly Uint8Array[] }
  /** Packed; see the detector. */
  | { readonly kind: "verdicts"; readonly words: Uint8Array }
  | { readonly kind: "unknown" | "malformed" };

const MALFORMED: GossipMessage = { kind: "malformed" };

/** Gossip gets slow well below the limit of a broadcast; a batch that is larger goes in several. */
export const MAX_GOSSIP_BYTES = 256 * 1024;

/** Head of the message and of its list, rounded up. */
const FRAME_BYTES = 32;
/** Head of a byte string of up to 4 GiB. */
const HEAD_BYTES = 5;

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

export function encodeVerdicts(words: Uint8Array): Uint8Array {
  return encode({ k: "verdicts", w: words });
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
    case "verdicts":
      return fields.w instanceof Uint8Array ? { kind: "verdicts", words: fields.w } : MALFORMED;
    default:
      return { kind: typeof fields.k === "string" ? "unknown" : "malformed" };
  }
}

function readEntries(value: Plain | undefined): GossipMessage {
  if (!Array.isArray(value) || !value.every((entry) => entry instanceof Uint8Array)) return MALFORMED;
  return { kind: "entries", entries: value };
}
