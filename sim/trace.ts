import { createHash } from "node:crypto";

const BUFFER_BYTES = 64 * 1024;
/** Instant, three words, length. */
const HEAD_BYTES = 18;
/** Stands in the place of a machine where a word is written for the first time. */
const NEW_WORD = 0;
const NOBODY = "";

/**
 * What happened in a world, as one running SHA-256 over (virtual time, machine, kind, bytes) of every event: two runs
 * that took the same way have the same {@link digest}. Names and kinds are written once and then numbered.
 */
export class Trace {
  readonly #hash = createHash("sha256");
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  readonly #words = new Map<string, number>();
  #at = 0;
  #events = 0;

  get events(): number {
    return this.#events;
  }

  /** `about` is whom it came from, if it came from somebody. */
  note(atMs: number, machine: string, kind: string, bytes: Uint8Array, about = NOBODY): void {
    this.#events++;
    this.#write(atMs, this.#number(machine), this.#number(kind), this.#number(about), bytes);
  }

  /** Hex of all that was noted so far; noting goes on. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest("hex");
  }

  #number(word: string): number {
    let number = this.#words.get(word);
    if (number === undefined) {
      number = this.#words.size + 1;
      this.#words.set(word, number);
      this.#write(0, NEW_WORD, number, 0, Buffer.from(word));
    }
    return number;
  }

  #write(atMs: number, machine: number, kind: number, about: number, bytes: Uint8Array): void {
    if (this.#at + HEAD_BYTES + bytes.length > BUFFER_BYTES) this.#flush();
    const buffer = this.#buffer;
    let at = buffer.writeDoubleBE(atMs, this.#at);
    at = buffer.writeUInt16BE(machine, at);
    at = buffer.writeUInt16BE(kind, at);
    at = buffer.writeUInt16BE(about, at);
    at = buffer.writeUInt32BE(bytes.length, at);
    if (bytes.length <= BUFFER_BYTES - HEAD_BYTES) {
      buffer.set(bytes, at);
      this.#at = at + bytes.length;
    } else {
      this.#at = at;
      this.#flush();
      this.#hash.update(bytes);
    }
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
  }
}
