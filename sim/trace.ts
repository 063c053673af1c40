import { createHash } from "node:crypto";

const BUFFER_BYTES = 64 * 1024;
/** Instant, lengths, and the texts of one event. */
const HEAD_BYTES = 512;

/**
 * What happened in a world, as one running SHA-256 over (virtual time, machine, kind, bytes) of every event: two runs
 * that took the same way have the same {@link digest}.
 */
export class Trace {
  readonly #hash = createHash("sha256");
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #at = 0;
  #events = 0;

  get events(): number {
    return this.#events;
  }

  note(atMs: number, machine: string, kind: string, bytes: Uint8Array): void {
    this.#events++;
    if (this.#at + HEAD_BYTES + bytes.length > BUFFER_BYTES) this.#flush();
    const buffer = this.#buffer;
    let at = buffer.writeDoubleBE(atMs, this.#at);
    at = buffer.writeUInt32BE(bytes.length, at);
    at += buffer.write(`${machine} ${kind}\n`, at, HEAD_BYTES / 2, "latin1");
    if (bytes.length <= BUFFER_BYTES - HEAD_BYTES) {
      buffer.set(bytes, at);
      this.#at = at + bytes.length;
    } else {
      this.#at = at;
      this.#flush();
      this.#hash.update(bytes);
    }
  }

  /** Hex of all that was noted so far; noting goes on. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest("hex");
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
  }
}
