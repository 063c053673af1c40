import { toHex } from "../core/bytes.ts";
import type { LedgerSize } from "../operations/kinds/status.ts";
import { operatorName } from "./handlers/lists.ts";
import { isoTime, type ReadSource } from "./handlers/read-source.ts";

/** Desired ledgers of which something counts, with their last checkpoints, by operator. */
export function ledgerSizes({ replica }: Pick<ReadSource, "replica">): LedgerSize[] {
  const view = replica.view();
  const { ledgers, desired } = replica.fold;
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
    return [{ operator: operatorName(view, log), log, entries, live, dead: last.end - live, checkpoint }];
  });
  return sizes.sort((a, b) =>
    a.operator === b.operator ? (a.log < b.log ? -1 : 1) : a.operator < b.operator ? -1 : 1,
  );
}
