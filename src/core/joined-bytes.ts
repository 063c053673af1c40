/** Many byte strings end to end, of which few change at a time. */
export class JoinedBytes {
  /** With room behind the last part. */
  #bytes: Uint8Array;
  #length = 0;
  readonly #starts: number[] = [];

  constructor(parts: readonly Uint8Array[]) {
    this.#bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    for (const part of parts) {
      this.#bytes.set(part, this.#length);
      this.#starts.push(this.#length);
      this.#length += part.length;
    }
  }

  /** All of them. Changes with the next call that changes a part: to be read at once. */
  get whole(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  replace(index: number, part: Uint8Array): void {
    const start = this.#starts[index];
    if (start === undefined) throw new Error(`there is no part ${index}`);
    const end = this.#starts[index + 1] ?? this.#length;
    this.#splice(start, end, part);
    this.#move(index + 1, part.length - (end - start));
  }

  /** Puts a new part before the one that is there now, or behind the last one. */
  insert(index: number, part: Uint8Array): void {
    if (index > this.#starts.length) throw new Error(`part ${index} would leave a gap`);
    const start = this.#starts[index] ?? this.#length;
    this.#splice(start, start, part);
    this.#starts.splice(index, 0, start);
    this.#move(index + 1, part.length);
  }

  #splice(start: number, end: number, part: Uint8Array): void {
    const length = this.#length + part.length - (end - start);
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(length + (length >> 2));
      larger.set(this.whole);
      this.#bytes = larger;
    }
    if (part.length !== end - start) this.#bytes.copyWithin(start + part.length, end, this.#length);
    this.#bytes.set(part, start);
    this.#length = length;
  }

  #move(from: number, by: number): void {
    if (by === 0) return;
    for (let i = from; i < this.#starts.length; i++) (this.#starts[i] as number) += by;
  }
}
