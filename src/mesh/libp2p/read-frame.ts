import {
  type MessageStream,
  type StreamCloseEvent,
  type StreamMessageEvent,
  UnsupportedProtocolError,
} from "@libp2p/interface";
import { concat, equalBytes } from "../../core/bytes.ts";
import { LENGTH_BYTES } from "../frames.ts";

const NOTHING = new Uint8Array(0);

/**
 * The payload of the one frame that the other side sends, behind exactly the bytes of `before`. Rejects with
 * {@link UnsupportedProtocolError} at the first of these that is another; when `announced` throws, which is called with
 * the frame's size before room is made for it; when nothing comes for `idleMs`, when the stream ends early and when the
 * signal aborts.
 *
 * Not written with the stream's own iterator: begun after the other side has closed its half, that one never ends.
 */
export function readFrame(
  stream: MessageStream,
  announced: (bytes: number) => void,
  idleMs: number,
  signal: AbortSignal,
  before: Uint8Array = NOTHING,
): Promise<Uint8Array> {
  const begin = before.length + LENGTH_BYTES;
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let received = 0;
    let expected: number | null = null;

    const idle = setTimeout(() => fail(new Error(`nothing was sent for ${idleMs} ms`)), idleMs);
    const settle = () => {
      clearTimeout(idle);
      stream.removeEventListener("message", onMessage);
      stream.removeEventListener("end", onEnd);
      stream.removeEventListener("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const fail = (error: Error) => {
      settle();
      reject(error);
    };
    const onMessage = (event: StreamMessageEvent) => {
      idle.refresh();
      chunks.push(event.data.subarray());
      received += event.data.byteLength;
      if (expected === null) {
        const start = concat(...chunks.splice(0));
        chunks.push(start);
        const known = Math.min(start.length, before.length);
        if (!equalBytes(start.subarray(0, known), before.subarray(0, known))) {
          return fail(new UnsupportedProtocolError("the other side did not choose the protocol"));
        }
        if (received < begin) return;
        const bytes = new DataView(start.buffer).getUint32(before.length);
        try {
          announced(bytes);
        } catch (error) {
          return fail(error instanceof Error ? error : new Error(String(error)));
        }
        expected = begin + bytes;
      }
      if (expected === null || received < expected) return;
      if (received > expected) return fail(new Error("more than one frame was sent"));
      settle();
      resolve(concat(...chunks).subarray(begin));
    };
    const onEnd = () => fail(new Error("the stream ended early"));
    const onClose = (event: StreamCloseEvent) => fail(event.error ?? new Error("the stream was closed"));
    const onAbort = () => fail(signal.reason instanceof Error ? signal.reason : new Error("aborted"));

    stream.addEventListener("message", onMessage);
    stream.addEventListener("end", onEnd);
    stream.addEventListener("close", onClose);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else if (stream.readableEnded) onEnd();
  });
}

/** For {@link readFrame}: throws for a frame that is larger. */
export function atMost(maxBytes: number): (bytes: number) => void {
  return (bytes) => {
    if (bytes > maxBytes) throw new Error(`a frame of ${bytes} bytes was announced`);
  };
}
