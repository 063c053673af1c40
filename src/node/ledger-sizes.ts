import { equalBytes, toHex } from "../core/bytes.ts";
import { checkpointState } from "../crdt/checkpoint.ts";
import type { Meta } from "../operations/kinds/meta.ts";
import type { LedgerSize } from "../operations/kinds/status.ts";
import { operatorName } from "./handlers/lists.ts";
import { isoTime, metaOf, type ReadSource } from "./handlers/read-source.ts";

/** For whoever is shown what was: also with which entries ledgers begin whose earlier ones were let go of. */
export function historyMetaOf(source: ReadSource): Meta {
  const view = source.replica.view();
  const begins = source.replica.stated.beginnings().map(({ log, seq, atMs }) => {
    return { operator: operatorName(view, log), entry: seq, at: isoTime(atMs) };
  });
  return { ...metaOf(source), ...(begins.length === 0 ? {} : { begins }) };
}

/** Desired ledgers of which something counts, with their last checkpoints, by operator. */
export function ledgerSizes({ replica }: Pick<ReadSource, "replica">): LedgerSize[] {
  const view = replica.view();
  const { ledgers, desired } = replica.fold;
  const beginnings = new Map(replica.stated.beginnings().map((beginning) => [beginning.log, beginning]));
  const sizes = [...ledgers].flatMap(([log, { links, checkpoints }]): LedgerSize[] => {
    const last = links.at(-1);
    if (last === undefined || !replica.authority.operators.has(log)) return [];
    const live = desired.pathsOf(log);
    const pins = checkpoints
      .flatMap(({ body, log: writer }) => body.pins.map((pin) => ({ ...pin, at: body.at, writer })))
      .filter((pin) => toHex(pin.log) === log && pin.seq <= last.entry.header.seq);
    const pinned = pins.reduce<(typeof pins)[number] | null>((a, b) => (a === null || b.seq > a.seq ? b : a), null);
    const checkpoint =
      pinned === null ? null : { entry: pinned.seq, at: isoTime(pinned.at), by: operatorName(view, pinned.writer) };
    const entries = last.entry.header.seq;
    const beginning = beginnings.get(log);
    const begins =
      beginning === undefined
        ? {}
        : { begins: { entry: beginning.seq, at: isoTime(beginning.atMs), doubt: beginning.doubt } };
    return [{ operator: operatorName(view, log), log, entries, live, dead: last.end - live, checkpoint, ...begins }];
  });
  return sizes.sort((a, b) =>
    a.operator === b.operator ? (a.log < b.log ? -1 : 1) : a.operator < b.operator ? -1 : 1,
  );
}

/**
 * Operators of ledgers that have come to something else here than checkpoints say which pin them alone. What lies below
 * the base of a ledger is not read for it.
 */
export function untrueCheckpoints({ replica, keys }: Pick<ReadSource, "replica" | "keys">): string[] {
  const view = replica.view();
  const untrue = [...replica.fold.ledgers].filter(([log, { links, checkpoints }]) => {
    return checkpoints.some(({ body: { pins, state } }) => {
      const [pin] = pins;
      if (pin === undefined || pins.length > 1) return false;
      const length = pin.seq - (links[0]?.entry.header.seq ?? 1) + 1;
      const last = links[length - 1];
      if (last === undefined || toHex(pin.log) !== log || !equalBytes(last.entry.hash, pin.hash)) return false;
      return !equalBytes(checkpointState(keys, [links.slice(0, length)]), state);
    });
  });
  return untrue.map(([log]) => operatorName(view, log)).sort();
}
