import { decode, encode, type Plain } from "../../core/encoding.ts";
import { type BaseRecord, decodeBase, encodeBase } from "./base-record.ts";

/**
 * What a ledger had come to with a pinned link, in place of the links below it, which are not here. Truth and not a
 * cache: nothing on this machine could make it again.
 */
export interface StateRecord {
  /** The pinned link, what the ledger had come to with it, and as `bounds` the acts whose pins below it were held true. */
  readonly base: BaseRecord;
  /** - `own`: made here from all links below · `given`: a peer gave it, and a checkpoint's hash says that it is true */
  readonly from: "own" | "given";
  /** - `gone`: nothing from below is here · `partly`: some is, that came before the state or came back */
  readonly below: "gone" | "partly";
}

const VERSION = 1;

/** A ledger of which there was only a state, and whose links are all back, is `whole`. */
export function encodeStateRecord(state: StateRecord | "whole"): Uint8Array {
  if (state === "whole") return encode([VERSION, state]);
  const { base, from, below } = state;
  return encode([VERSION, encodeBase(base), from, below] as unknown as Plain);
}

/** For what {@link encodeStateRecord} made, and a checksum kept. Null for what another release wrote. */
export function decodeStateRecord(bytes: Uint8Array): StateRecord | "whole" | null {
  const [version, encoded, ...rest] = decode(bytes) as unknown as Fields;
  if (version !== VERSION) return null;
  if (encoded === "whole") return encoded;
  const base = decodeBase(encoded);
  const [from, below] = rest;
  return base === null ? null : { base, from, below };
}

type Fields = readonly [number, Uint8Array | "whole", StateRecord["from"], StateRecord["below"]];
