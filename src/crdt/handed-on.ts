import { equalBytes } from "../core/bytes.ts";
import { decode, encode, MalformedError, type Plain } from "../core/encoding.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { ChainBase, ChainLink } from "./chain.ts";
import { checkpointState, currentWrites } from "./checkpoint.ts";
import { type Entry, isChain } from "./entry/entry.ts";
import { compacting } from "./doubts.ts";
import type { LedgerPin } from "./prefix.ts";
import { isLedgerPath } from "./ledger/update-codec.ts";
import { readRow, type Row, rowsOf } from "./store/base-record.ts";

const VERSION = 1;

/** What a ledger had come to with a pinned link, for a peer that has nothing of what lies below. */
export function encodeHandedOn({ entry, next, writes }: ChainBase): Uint8Array {
  return encode([VERSION, entry.bytes, next, rowsOf(writes)]);
}

/**
 * What a peer says a ledger had come to with its last link, if it is what the checkpoint's hash `state` commits to.
 * Throws `MalformedError`.
 */
export function readHandedOn(
  keys: Pick<Keys, "hash">,
  bytes: Uint8Array,
  state: Uint8Array,
  parse: (bytes: Uint8Array) => Entry | string,
): ChainBase {
  const [version, last, next, rows] = listIn(decode(bytes));
  if (version !== VERSION || !(last instanceof Uint8Array) || typeof next !== "number" || !Array.isArray(rows)) {
    throw new MalformedError("not a state");
  }
  const entry = parse(last);
  if (typeof entry === "string" || !isChain(entry)) throw new MalformedError("a state ends with no link");
  const link = linkOf({ entry, next, writes: (rows as Plain[]).map(readWrite) });
  if (!equalBytes(checkpointState(keys, [[link]]), state)) throw new MalformedError("not the state of the checkpoint");
  const writes = currentWrites([link]);
  const clocks = new Set(writes.map(({ origin }) => origin.clock));
  // Who signed the checkpoint may have signed anything.
  if (clocks.size < writes.length || !writes.every(({ path, origin }) => isLedgerPath(path) && origin.clock < next)) {
    throw new MalformedError("not the state of a ledger");
  }
  return { entry, next, writes };
}

/** The same where it is not known yet which of these pins it is of. Throws `MalformedError` if of none. */
export function readHandedOnAt(
  keys: Pick<Keys, "hash">,
  bytes: Uint8Array,
  pins: readonly LedgerPin[],
  parse: (bytes: Uint8Array) => Entry | string,
): ChainBase {
  const [, last] = listIn(decode(bytes));
  const entry = last instanceof Uint8Array ? parse(last) : "no entry";
  const pin = compacting(pins).find(({ link }) => typeof entry !== "string" && entry.id === link);
  if (pin !== undefined) return readHandedOn(keys, bytes, pin.checkpoint.body.state, parse);
  throw new MalformedError("the state of a link that no checkpoint pins");
}

/** The link with which a chain begins that has only its state of what lies below. */
export function linkOf({ entry, next, writes }: ChainBase): ChainLink {
  return { entry, prev: null, writes, end: next, next: [] };
}

function readWrite(row: Plain) {
  const [path, clock, entry, ms, count, over, value] = listIn(row);
  const isHash = (value: Plain | undefined) => value instanceof Uint8Array && value.length === 32;
  const isRow =
    typeof path === "string" && [clock, ms, count].every(isCount) && isHash(entry) && listIn(over).every(isHash);
  if (!isRow || (value !== undefined && !isJson(value))) throw new MalformedError("not a write");
  return readRow(row as unknown as Row);
}

/** The encoding has bytes besides what values of a ledger are made of. */
function isJson(value: Plain | undefined): boolean {
  if (typeof value !== "object" || value === null) return value !== undefined;
  return !(value instanceof Uint8Array) && Object.values(value).every(isJson);
}

function isCount(value: Plain | undefined): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function listIn(value: Plain | undefined): readonly Plain[] {
  if (!Array.isArray(value)) throw new MalformedError("not a list");
  return value as Plain[];
}
