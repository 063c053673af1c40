import { concat } from "./bytes.ts";

/** Many byte strings end to end, of which few change at a time. */
export class JoinedBytes {
  readonly #parts: Uint8Array[];
  readonly #offsets: number[] = [];
  /** Null when a part has changed its length. */
  #whole: Uint8Array | null = null;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = [...parts];
  }

  set(index: number, part: Uint8Array): void {
    const before = this.#parts[index];
    if (before === undefined) throw new Error(`there is no part ${index}`);
    this.#parts[index] = part;
    if (this.#whole === null) return;
    if (before.length === part.length) this.#whole.set(part, this.#offsets[index]);
    else this.#whole = null;
  }

  /** All of them. Changes with the next {@link set}: to be read at once. */
  get whole(): Uint8Array {
    if (this.#whole === null) {
      this.#whole = concat(...this.#parts);
      let at = 0;
      for (const [index, part] of this.#parts.entries()) {
        this.#offsets[index] = at;
        at += part.length;
      }
    }
    return this.#whole;
  }
}
