import type { Link, LogId } from "./history.ts";
import type { Ledger } from "./ledgers.ts";

/**
 * A kept ledger as somebody has it who was given what it had come to with link `end` in place of the links up to there:
 * for each path the write that holds it, with all that the ledger ever named there (§8, "New peer").
 */
export function handedOn({ log, kept }: Ledger, end: Link): Ledger {
  const summed = new Map<string, Link>();
  const [below, tail] = [kept.slice(0, end.seq), kept.slice(end.seq)];
  for (const link of below) {
    for (const { path, value, over } of link.writes) {
      const before = summed.get(path)?.writes[0]?.over ?? [];
      summed.set(path, { ...link, writes: [{ path, value, over: [...new Set([...before, ...over])] }] });
    }
  }
  return { log, kept: [...summed.values(), ...tail] };
}

/** All ledgers, one of them as it is handed on. */
export function withHandedOn(ledgers: readonly Ledger[], log: LogId, end: Link): Ledger[] {
  return ledgers.map((ledger) => (ledger.log === log ? handedOn(ledger, end) : ledger));
}
