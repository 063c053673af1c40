/**
 * Bytes that refuse to be printed. Every way in which JavaScript turns a value into text gives `[secret]`; whoever
 * needs the bytes says so with {@link Secret.reveal}, which is what a reader of the code searches for.
 */
export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, not a copy: do not keep them, do not put them into text. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  /** Overwrites the bytes. A garbage collector may have copied them before; this shortens their life, no more. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  // What `console.log` and `util.inspect` of Node call.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]";
  }

  [Symbol.toPrimitive](): string {
    return "[secret]";
  }
}
