import { toHex } from "../core/bytes.ts";
import type { Keys } from "../core/ports/keys.ts";
import type { CheckpointBody } from "../crdt/authority/bodies.ts";
import { checkpointBody } from "../crdt/checkpoint.ts";
import type { LedgerItems, OwnLog } from "./files/own-log.ts";
import type { KnownAuthority } from "./known-authority.ts";

/**
 * Below that a checkpoint saves less than a megabyte of entries, and is itself an act that everybody keeps for ever.
 * Beyond it the measure is what lives: what peers hand on instead of a ledger is as large as that, so that a ledger
 * never costs more than about twice what is in it.
 */
const DEAD_AT_LEAST = 5_000;

/** What a checkpoint of one's own ledger would pin, and what has come to it since the last one. */
export interface LedgerSize extends LedgerItems {
  /** Entries of the ledger. */
  readonly entries: number;
  /** Of the last effective checkpoint that pins it: its number there; 0 if there is none. */
  readonly pinnedAt: number;
  /** Dead items that the last checkpoint did not know as such. */
  readonly deadSince: number;
}

export function ledgerSize({ authority }: Pick<KnownAuthority, "authority">, own: OwnLog): LedgerSize {
  const log = toHex(own.log);
  const rank = authority.operators.get(log)?.rank ?? 0;
  const pins = authority.checkpoints
    .filter((checkpoint) => checkpoint.log === log || checkpoint.rank < rank)
    .flatMap(({ body }) => body.pins.filter((pin) => toHex(pin.log) === log));
  const entries = own.head?.seq ?? 0;
  const pinnedAt = Math.max(0, ...pins.map(({ seq }) => seq).filter((seq) => seq <= entries));
  const { items } = own;
  // Most ledgers have so few that nobody need know of which time they are.
  const isSmall = items.dead <= DEAD_AT_LEAST;
  const deadSince = pinnedAt === 0 || isSmall ? items.dead : items.dead - own.deadAt(pinnedAt);
  return { ...items, entries, pinnedAt, deadSince };
}

/** Whether whoever writes to the ledger shall make a checkpoint of it along the way. */
export function isDue({ live, deadSince }: Pick<LedgerSize, "live" | "deadSince">): boolean {
  return deadSince > Math.max(live, DEAD_AT_LEAST);
}

/** Of one ledger alone, so that its state can be handed on alone. Throws if the own log is not what it says. */
export function ownCheckpoint(keys: Pick<Keys, "hash">, own: OwnLog, nowMs: number): CheckpointBody {
  const links = own.ledger();
  if (links.length !== own.head?.seq) throw new Error("the own log does not hold the whole ledger");
  return checkpointBody(keys, [links], nowMs);
}
