import { decode, encode, MalformedError, type Plain } from "../../src/core/encoding.ts";
import type { Random } from "../../src/core/ports/random.ts";

/** Numbers at which readers of lengths and counts go wrong. */
const EDGES = [0, 1, 23, 24, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, -1];

const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)] as T;

/** Another message, made from one that is right: bytes are changed, or a part of what they say. */
export function mutate(random: Random, sample: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let bytes = sample;
  for (let times = 1 + random.below(3); times > 0; times--) {
    bytes = random.below(3) === 0 ? mutateBytes(random, bytes, others) : mutateMeaning(random, bytes, others);
  }
  return bytes;
}

function mutateBytes(random: Random, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  const copy = new Uint8Array(bytes);
  const at = random.below(copy.length + 1);
  switch (random.below(7)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      return copy;
    case 2:
      copy[at] = pick(random, [0x00, 0x7f, 0x80, 0xff, random.below(256)]);
      return copy;
    case 3:
      return join(copy.subarray(0, at), random.bytes(1 + random.below(40)), copy.subarray(at));
    case 4:
      return join(copy.subarray(0, at), copy.subarray(Math.min(copy.length, at + 1 + random.below(40))));
    case 5: {
      const other = pick(random, others);
      return join(copy.subarray(0, at), other.subarray(random.below(other.length + 1)));
    }
    default:
      // A length that promises much more than there is.
      copy.set([0x5b, 0xff, 0xff, 0xff, 0xff].slice(0, copy.length - at), at);
      return copy;
  }
}

/** Changes one part of what the bytes say, and says the rest as before: canonical, so that readers get beyond the form. */
function mutateMeaning(random: Random, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  try {
    const value = decode(bytes);
    const donor = decode(pick(random, others));
    const places = countPlaces(value);
    return encode(replaceAt(value, { at: random.below(places) }, (part) => otherPart(random, part, donor)));
  } catch (error) {
    if (error instanceof MalformedError) return mutateBytes(random, bytes, others);
    throw error;
  }
}

function otherPart(random: Random, part: Plain, donor: Plain): Plain | undefined {
  switch (random.below(8)) {
    case 0:
      return undefined;
    case 1:
      return pick(random, EDGES);
    case 2:
      return random.bytes(pick(random, [0, 1, 16, 31, 32, 33, 64, 65]));
    case 3:
      return pick(random, ["", "a", "Ä", "..", "__proto__", "constructor", "*", "\u0000", "x".repeat(300), "a/b/../c"]);
    case 4:
      return pick<Plain>(random, [null, true, false, [], {}, [[[[[]]]]], { v: 2 }]);
    case 5: {
      const found: Plain[] = [];
      collectParts(donor, found);
      return pick(random, found);
    }
    case 6:
      if (Array.isArray(part)) return [...part, ...(part as Plain[]), null];
      return part instanceof Uint8Array ? part.subarray(0, Math.max(0, part.length - 1)) : [part];
    default:
      if (typeof part === "number") return part + pick(random, [-1, 1, 0.5, 2 ** 40]);
      if (typeof part === "string") return part + pick(random, ["\n", " ", "a", "/", "\u202e"]);
      return { [pick(random, ["v", "type", "unknown"])]: part };
  }
}

function isMap(value: Plain): value is { readonly [key: string]: Plain | undefined } {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function childrenOf(value: Plain): readonly (readonly [string | number, Plain])[] {
  if (Array.isArray(value)) return value.map((item: Plain, i) => [i, item] as const);
  return isMap(value) ? Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, item]])) : [];
}

function countPlaces(value: Plain): number {
  return childrenOf(value).reduce((sum, [, child]) => sum + countPlaces(child), 1);
}

function collectParts(value: Plain, into: Plain[]): void {
  into.push(value);
  for (const [, child] of childrenOf(value)) collectParts(child, into);
}

/** The value with its `at`-th part, counted from the top, replaced; undefined takes it out. */
function replaceAt(value: Plain, count: { at: number }, change: (part: Plain) => Plain | undefined): Plain {
  if (count.at-- === 0) return change(value) ?? null;
  const children = childrenOf(value).map(([key, child]) => {
    const isMeant = count.at === 0;
    const changed = isMeant ? change(child) : replaceAt(child, count, change);
    if (isMeant) count.at--;
    return [key, changed] as const;
  });
  if (Array.isArray(value)) return children.flatMap(([, child]) => (child === undefined ? [] : [child]));
  return isMap(value) ? Object.fromEntries(children) : value;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
