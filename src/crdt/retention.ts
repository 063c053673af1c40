import type { Chain } from "./chain.ts";
import { type ChainHeader, CLASS_AUDIT, type Entry } from "./entry/entry.ts";

const DAY_MS = 24 * 3_600_000;

/** How long audit records stay on a machine, by the clocks of those who wrote them, and what checkpoints pin. */
export interface Retention {
  /** On a member like any other. */
  readonly memberMs: number;
  /** In its writer's own store, and on coordinators and secret stores. */
  readonly keeperMs: number;
  /** How long a checkpoint has lain here, by this machine's clock, when links below its pin go. */
  readonly pinnedMs: number;
  /** How often what is older goes. */
  readonly everyMs: number;
}

/**
 * A quarter of a year is what people ask everyday questions about; the yearly ones, with a month to spare, are answered
 * by keepers. Nothing older is looked at by any rule: it belongs into an archive.
 */
export const AUDIT_RETENTION: Retention = {
  memberMs: 90 * DAY_MS,
  keeperMs: 400 * DAY_MS,
  pinnedMs: 90 * DAY_MS,
  everyMs: DAY_MS,
};

/** Before this reading of the clock an audit log may begin with any of its links. */
export function mayBeginBefore(nowMs: number, { memberMs }: Retention = AUDIT_RETENTION): number {
  return nowMs - memberMs;
}

/**
 * Whether an audit log may begin with this entry on a machine that has nothing of what came before. The clock of a log
 * only goes on, so that an old link says that all before it are older; and it is signed by the writer itself.
 */
export function mayBeginWith(entry: Entry<ChainHeader>, beforeMs: number): boolean {
  const { class: chainClass, hlc, seq } = entry.header;
  return chainClass === CLASS_AUDIT && seq > 1 && entry.signatures.length > 0 && hlc.ms < beforeMs;
}

/**
 * The number with which a log begins that is held against its retention: 1 unless the first entry that is there is so
 * old that what came before was let go of. What else is not there is missing.
 */
export function firstKept(entries: readonly Entry<ChainHeader>[], beforeMs: number): number {
  const first = entries.reduce<Entry<ChainHeader> | null>((least, entry) => {
    return least === null || entry.header.seq < least.header.seq ? entry : least;
  }, null);
  return first !== null && mayBeginWith(first, beforeMs) ? first.header.seq : 1;
}

/** The links with which logs begin from now on, if what is older than `beforeMs` says of a log goes. */
export async function beginningsOf(
  chains: Iterable<Chain>,
  beforeMs: (log: string) => number,
  read: (chain: Chain) => Promise<readonly Entry<ChainHeader>[]>,
): Promise<Entry<ChainHeader>[]> {
  const beginnings: Entry<ChainHeader>[] = [];
  for (const chain of chains) {
    // Two histories are a proof: of them nothing goes.
    if (chain.class !== CLASS_AUDIT || chain.shape === "forked" || chain.tips.length !== 1) continue;
    const before = beforeMs(chain.log);
    const [first] = chain.main;
    const isUnread = chain.unread > 0 && (first === undefined || first.entry.header.hlc.ms >= before);
    const entries = isUnread ? await read(chain) : chain.main.map(({ entry }) => entry);
    // The last old one stays: it shows how long the log is, and that what went was old.
    const beginning = entries.findLast((entry) => mayBeginWith(entry, before));
    if (beginning !== undefined && beginning.header.seq > chain.letGo + 1) beginnings.push(beginning);
  }
  return beginnings;
}
