import { concat, equalBytes } from "../../core/bytes.ts";
import type { Keys } from "../../core/ports/keys.ts";

/** Length before, start of the hash behind: a frame that was not written to its end is known for it. */
const LENGTH_BYTES = 4;
export const CHECK_BYTES = 8;

type Hash = Pick<Keys, "hash">;

export function encodeFrame(keys: Hash, bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concat(length, bytes, check(keys, bytes));
}

export interface Frame {
  readonly bytes: Uint8Array;
  /** With length and check. */
  readonly frame: Uint8Array;
}

/** Up to the first frame that is torn or altered. */
export function decodeFrames(keys: Hash, all: Uint8Array): Frame[] {
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  const found: Frame[] = [];
  for (let at = 0; at + LENGTH_BYTES <= all.length; ) {
    const end = at + LENGTH_BYTES + view.getUint32(at);
    if (end + CHECK_BYTES > all.length) break;
    const bytes = all.subarray(at + LENGTH_BYTES, end);
    if (!equalBytes(all.subarray(end, end + CHECK_BYTES), check(keys, bytes))) break;
    found.push({ bytes, frame: all.subarray(at, end + CHECK_BYTES) });
    at = end + CHECK_BYTES;
  }
  return found;
}

function check(keys: Hash, bytes: Uint8Array): Uint8Array {
  return keys.hash(bytes).subarray(0, CHECK_BYTES);
}
