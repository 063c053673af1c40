import { ascii, concat } from "../core/bytes.ts";
import { LabError } from "../core/errors.ts";
import { MAX_FRAME_BYTES } from "../core/ports/link.ts";

// A frame is a length (four bytes, big-endian) and that many bytes. A request holds the length of the channel's name
// (one byte), the name in ASCII and the body; an answer holds a status byte and the body. On a line, where there is more
// than one of them, four bytes with a number come first.

export const LENGTH_BYTES = 4;
export const NUMBER_BYTES = 4;
const ANSWERED = 0;
const FAILED = 1;
const MAX_FAILURE_CHARS = 1000;

export const MAX_REQUEST_FRAME_BYTES = 1 + 255 + MAX_FRAME_BYTES;
export const MAX_ANSWER_FRAME_BYTES = 1 + MAX_FRAME_BYTES;

export interface Request {
  readonly channel: string;
  readonly body: Uint8Array;
}

export type Answer =
  | { readonly kind: "answered"; readonly body: Uint8Array }
  | { readonly kind: "failed"; readonly message: string };

/** Throws `TooLarge` for a body over {@link MAX_FRAME_BYTES}. */
export function encodeRequest(request: Request): Uint8Array {
  refuseTooLarge(request.body);
  const channel = ascii(request.channel);
  if (channel.length > 255) throw new Error(`channel name of ${channel.length} bytes`);
  return frame(Uint8Array.of(channel.length), channel, request.body);
}

/** Null for bytes that are not a request. */
export function decodeRequest(payload: Uint8Array): Request | null {
  const channelEnd = 1 + (payload[0] ?? 0);
  if (payload.length < channelEnd) return null;
  return {
    channel: String.fromCharCode(...payload.subarray(1, channelEnd)),
    body: payload.subarray(channelEnd),
  };
}

/** Throws `TooLarge` for a body over {@link MAX_FRAME_BYTES}. */
export function encodeAnswer(answer: Answer): Uint8Array {
  if (answer.kind === "failed") {
    return frame(Uint8Array.of(FAILED), Buffer.from(answer.message.slice(0, MAX_FAILURE_CHARS), "utf8"));
  }
  refuseTooLarge(answer.body);
  return frame(Uint8Array.of(ANSWERED), answer.body);
}

/** Null for bytes that are not an answer. */
export function decodeAnswer(payload: Uint8Array): Answer | null {
  const body = payload.subarray(1);
  if (payload[0] === ANSWERED) return { kind: "answered", body };
  if (payload[0] === FAILED) return { kind: "failed", message: Buffer.from(body).toString("utf8") };
  return null;
}

/** The same frame with a number in it. */
export function numbered(whole: Uint8Array, number: number): Uint8Array {
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setUint32(0, number);
  return frame(bytes, whole.subarray(LENGTH_BYTES));
}

/** Of a payload of at least {@link NUMBER_BYTES}. */
export function numberOf(payload: Uint8Array): { readonly number: number; readonly payload: Uint8Array } {
  const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
  return { number, payload: payload.subarray(NUMBER_BYTES) };
}

function frame(...parts: readonly Uint8Array[]): Uint8Array {
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(
    0,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  return concat(length, ...parts);
}

function refuseTooLarge(body: Uint8Array): void {
  if (body.length <= MAX_FRAME_BYTES) return;
  throw new LabError("TooLarge", `a message of ${body.length} bytes is over the limit of ${MAX_FRAME_BYTES}`);
}
