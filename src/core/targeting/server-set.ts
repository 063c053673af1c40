/**
 * Servers by their place in a fleet, one bit each: with ten thousand servers a union or an intersection is some three
 * hundred machine words. Sets that are compared or combined belong to one fleet.
 */
export class ServerSet {
  readonly #words: Uint32Array;

  private constructor(words: Uint32Array) {
    this.#words = words;
  }

  static none(servers: number): ServerSet {
    return new ServerSet(new Uint32Array((servers + 31) >>> 5));
  }

  static of(servers: number, places: Iterable<number>): ServerSet {
    const set = ServerSet.none(servers);
    for (const place of places) set.add(place);
    return set;
  }

  copy(): ServerSet {
    return new ServerSet(this.#words.slice());
  }

  has(place: number): boolean {
    return (((this.#words[place >>> 5] as number) >>> (place & 31)) & 1) === 1;
  }

  add(place: number): void {
    (this.#words[place >>> 5] as number) |= 1 << (place & 31);
  }

  remove(place: number): void {
    (this.#words[place >>> 5] as number) &= ~(1 << (place & 31));
  }

  /** Adds the other's servers to this set. */
  unite(other: ServerSet): this {
    for (let i = 0; i < this.#words.length; i++) (this.#words[i] as number) |= other.#words[i] as number;
    return this;
  }

  /** Leaves the servers that the other has, too. */
  intersect(other: ServerSet): this {
    for (let i = 0; i < this.#words.length; i++) (this.#words[i] as number) &= other.#words[i] as number;
    return this;
  }

  /** Takes the other's servers away. */
  subtract(other: ServerSet): this {
    for (let i = 0; i < this.#words.length; i++) (this.#words[i] as number) &= ~(other.#words[i] as number);
    return this;
  }

  meets(other: ServerSet): boolean {
    for (let i = 0; i < this.#words.length; i++) {
      if (((this.#words[i] as number) & (other.#words[i] as number)) !== 0) return true;
    }
    return false;
  }

  equals(other: ServerSet): boolean {
    return this.#words.every((word, i) => word === other.#words[i]);
  }

  get isEmpty(): boolean {
    return this.#words.every((word) => word === 0);
  }

  get size(): number {
    let count = 0;
    for (const word of this.#words) count += bitsIn(word);
    return count;
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (let i = 0; i < this.#words.length; i++) {
      let word = this.#words[i] as number;
      while (word !== 0) {
        yield (i << 5) + (31 - Math.clz32(word & -word));
        word &= word - 1;
      }
    }
  }
}

/** Hacker's Delight, figure 5-2. */
function bitsIn(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  x = (x + (x >>> 4)) & 0x0f0f0f0f;
  return Math.imul(x, 0x01010101) >>> 24;
}
