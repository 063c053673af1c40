import { decode, encode, MalformedError } from "../encoding.ts";
import { readBytes, readFields, readNumber } from "../fields.ts";
import type { DiskRecord } from "../ports/disk.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope } from "./envelope.ts";
import type { HeldVersion } from "./messages.ts";

/** How a store keeps envelopes on its disk: read and written by the role, and by whoever backs it up. */

export const ENVELOPES = "envelope/";

export interface StoredEnvelope {
  readonly storedMs: number;
  readonly envelope: Envelope;
}

export function envelopeKey({ path, version }: HeldVersion): string {
  return `${ENVELOPES}${path}@${version}`;
}

export function envelopeRecord({ storedMs, envelope }: StoredEnvelope): DiskRecord {
  return { key: envelopeKey(envelope), value: encode({ v: 1, storedMs, envelope: encodeEnvelope(envelope) }) };
}

/** Throws `MalformedError`. */
export function readEnvelopeRecord(value: Uint8Array): StoredEnvelope {
  const { storedMs, envelope } = readFields(decode(value));
  return { storedMs: readNumber(storedMs), envelope: decodeEnvelope(readBytes(envelope)) };
}

/** Throws `MalformedError` also for a record that stands in the place of another. */
export function readEnvelopeAt({ key, value }: DiskRecord): StoredEnvelope {
  const stored = readEnvelopeRecord(value);
  if (envelopeKey(stored.envelope) !== key) throw new MalformedError("a record in the place of another");
  return stored;
}
