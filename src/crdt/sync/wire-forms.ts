import { fromHex, toHex } from "../../core/bytes.ts";
import { MalformedError, type Plain } from "../../core/encoding.ts";
import { type Item, MAX_TIPS, type Tip } from "./inventory.ts";

/** Positions of the own chain that a request names, ever further apart, so that a peer finds the last common one. */
export const LOCATOR_LENGTH = 32;
/** Chains and reports in one request. */
export const MAX_CHAINS = 1024;
export const MAX_REPORTS = 4096;
/** Places of the tree in one request. */
export const MAX_PLACES = 1024;
/** Differences, and places of the tree, that one round follows up. A lying peer could name them without end. */
export const MAX_DIFFERENCES = 65_536;
export const MAX_WALK = 16_384;

/** With what a peer's ledger begins. */
export interface StateOffer {
  readonly log: string;
  readonly class: number;
  readonly seq: number;
  /** Hex of the link's hash. */
  readonly link: string;
}

export interface ChainWant {
  readonly log: string;
  readonly class: number;
  readonly have: readonly string[];
}

export interface Want {
  readonly authority: readonly string[];
  readonly chains: readonly ChainWant[];
  readonly observed: readonly string[];
}

export function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) as Uint8Array;
}

export function writeTips(tips: readonly Tip[]): Plain {
  return tips.map(({ seq, id }) => [seq, bytesOf(id)]);
}

export function writeItem(item: Item): Plain {
  switch (item.kind) {
    case "authority":
      return [1, bytesOf(item.id)];
    case "chain":
      return [2, bytesOf(item.log), item.class, writeTips(item.tips)];
    case "observed":
      return [3, bytesOf(item.log), writeTips(item.versions)];
  }
}

export function writeOffer({ log, class: chainClass, seq, link }: StateOffer): Plain {
  return [bytesOf(log), chainClass, seq, bytesOf(link)];
}

export function readOffer(value: Plain): StateOffer {
  const [log, chainClass, seq, link] = Array.isArray(value) ? (value as Plain[]) : [];
  return {
    log: readHash(log),
    class: readCount(chainClass, 255),
    seq: readCount(seq, Number.MAX_SAFE_INTEGER),
    link: readHash(link),
  };
}

export function readItem(value: Plain): Item {
  if (!Array.isArray(value)) throw new MalformedError("not an item");
  const [kind, id] = value as Plain[];
  switch (kind) {
    case 1:
      return { kind: "authority", id: readHash(id) };
    case 2: {
      const [, , chainClass, tips] = value as Plain[];
      return { kind: "chain", log: readHash(id), class: readCount(chainClass, 255), tips: readTips(tips) };
    }
    case 3:
      return { kind: "observed", log: readHash(id), versions: readTips((value as Plain[])[2]) };
    default:
      throw new MalformedError("not an item");
  }
}

export function readMap(value: Plain): Record<string, Plain | undefined> {
  if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) {
    throw new MalformedError("not a message");
  }
  return value as Record<string, Plain | undefined>;
}

export function readDigest(value: Plain | undefined): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== 32) throw new MalformedError("not a hash");
  return value;
}

export function readHash(value: Plain | undefined): string {
  return toHex(readDigest(value));
}

export function readCount(value: Plain | undefined, limit: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 || value > limit) {
    throw new MalformedError("not a count");
  }
  return value;
}

/** A prefix of an item's key, in hex digits. */
export function readPlace(value: Plain): string {
  if (typeof value !== "string" || !/^[0-9a-f]{0,64}$/.test(value)) throw new MalformedError("not a place in the tree");
  return value;
}

export function readList<T>(value: Plain | undefined, limit: number, read: (item: Plain) => T): T[] {
  if (!Array.isArray(value) || value.length > limit) throw new MalformedError("not a short list");
  return (value as Plain[]).map(read);
}

export function readTips(value: Plain | undefined): Tip[] {
  return readList(value, MAX_TIPS, (tip) => {
    const [seq, id] = Array.isArray(tip) ? (tip as Plain[]) : [];
    return { seq: readCount(seq, Number.MAX_SAFE_INTEGER), id: readHash(id) };
  });
}

export function readEntries(value: Plain | undefined): Uint8Array[] {
  return readList(value, 65_536, (bytes) => {
    if (!(bytes instanceof Uint8Array)) throw new MalformedError("not an entry");
    return bytes;
  });
}

export function readWant(message: Record<string, Plain | undefined>): Want {
  return {
    authority: readList(message.authority, MAX_DIFFERENCES, readHash),
    chains: readList(message.chains, MAX_CHAINS, (value) => {
      const want = readMap(value);
      return {
        log: readHash(want.log),
        class: readCount(want.class, 255),
        have: readList(want.have, 2 * LOCATOR_LENGTH, readHash),
      };
    }),
    observed: readList(message.observed, MAX_REPORTS, readHash),
  };
}
