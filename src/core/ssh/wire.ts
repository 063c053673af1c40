import { concat } from "../bytes.ts";
import { MalformedError } from "../encoding.ts";

/** Data types of SSH (RFC 4251 §5), as far as keys and signatures need them. */

export function sshUint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Bytes with their length before them. */
export function sshString(bytes: Uint8Array): Uint8Array {
  return concat(sshUint32(bytes.length), bytes);
}

/** Throws {@link MalformedError} where the bytes end too early. */
export class SshReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  raw(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new MalformedError("the SSH data is cut short");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  byte(): number {
    return this.raw(1)[0] as number;
  }

  uint32(): number {
    return this.raw(4).reduce((value, byte) => value * 256 + byte, 0);
  }

  string(): Uint8Array {
    return this.raw(this.uint32());
  }

  /** A string of printable ASCII. */
  text(): string {
    const bytes = this.string();
    if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) throw new MalformedError("an SSH name is not printable");
    return String.fromCharCode(...bytes);
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw new MalformedError("bytes after the SSH data");
  }
}
