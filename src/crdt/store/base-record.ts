import { fromHex, toHex } from "../../core/bytes.ts";
import { decode, encode, type Plain } from "../../core/encoding.ts";
import type { Json } from "../../core/json.ts";
import { chainId, type SummedWrite } from "../chain.ts";

/**
 * What a long chain has come to, written down so that a start need not read it from its first link on. Made by this
 * store from its own records, which stay; never sent to anybody.
 */
export interface BaseRecord {
  /** Key of the record of the chain's last link that is summed up. */
  readonly last: string;
  /** The acts that said how far the chain counts when this was written: with others it is worth nothing. */
  readonly bounds: readonly string[];
  readonly next: number;
  readonly writes: readonly SummedWrite[];
}

const VERSION = 1;

export function encodeBase({ last, bounds, next, writes }: BaseRecord): Uint8Array {
  return encode([VERSION, last, bounds, next, rowsOf(writes)] as unknown as Plain);
}

/** What a ledger has come to, as it is written down and handed on. */
export function rowsOf(writes: readonly SummedWrite[]): Plain {
  return writes.map(({ path, value, over, origin: { entry, hlc, clock } }) => {
    const row = [path, clock, fromHex(entry), hlc.ms, hlc.count, over.map(fromHex)];
    return value === undefined ? row : [...row, value];
  }) as unknown as Plain;
}

/** Null for what another release wrote: it is made anew. For what {@link encodeBase} made, and a checksum kept. */
export function decodeBase(bytes: Uint8Array): BaseRecord | null {
  const [version, last, bounds, next, rows] = decode(bytes) as unknown as Fields;
  if (version !== VERSION) return null;
  return { last, bounds, next, writes: rows.map(readRow) };
}

type Fields = readonly [version: number, last: string, bounds: string[], next: number, rows: Row[]];

export type Row = readonly [string, number, Uint8Array, number, number, readonly Uint8Array[], Json?];

/** Throws whatever, for what {@link rowsOf} did not make: a checkpoint's hash says which these are. */
export function readRow([path, clock, entry, ms, count, over, value]: Row): SummedWrite {
  return { path, value, over: over.map(toHex), origin: { entry: toHex(entry), hlc: { ms, count }, clock } };
}

/** The chain's name (`chainId`), which is the middle of its records' keys. */
export function chainIdOf({ last }: Pick<BaseRecord, "last">): string {
  const [, log, chainClass] = last.split("/");
  return chainId(log ?? "", Number(chainClass));
}
