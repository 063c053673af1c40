import { fromHex } from "./bytes.ts";

/** Where a writer's log ended when somebody looked. */
export interface AuditHead {
  /** Hex; empty for the genesis entry. */
  readonly log: string;
  /** 0: authority, whose entries are counted as they came · 1: desired state · 2: audit. */
  readonly class: number;
  /** For people, in case nobody knows the log any more. */
  readonly author: string;
  readonly seq: number;
  /** Hex of the entry. */
  readonly hash: string;
}

export const CLASS_AUTHORITY = 0;

/** A note of heads as it was written; what makes no sense is not remembered. */
export function readHeads(text: string | undefined): AuditHead[] {
  try {
    const heads = JSON.parse(text ?? "[]") as AuditHead[];
    return heads.filter(
      ({ log, hash, seq, class: chainClass }) =>
        (log === "" || isHash(log)) && isHash(hash) && Number.isSafeInteger(seq) && Number.isSafeInteger(chainClass),
    );
  } catch {
    return [];
  }
}

function isHash(text: string): boolean {
  return fromHex(text)?.length === 32;
}

/**
 * What is remembered after another look. A log never ends earlier than it did: where it seems to, the older memory
 * stays, as the proof of it.
 */
export function rememberHeads(
  before: readonly AuditHead[],
  now: readonly AuditHead[],
  isKnown: (hash: string) => boolean,
): AuditHead[] {
  const heads = new Map(now.filter((head) => head.class !== CLASS_AUTHORITY).map((head) => [nameOf(head), head]));
  for (const head of before.filter((one) => one.class !== CLASS_AUTHORITY)) {
    if ((heads.get(nameOf(head))?.seq ?? 0) < head.seq) heads.set(nameOf(head), head);
  }
  const tips = now.filter((head) => head.class === CLASS_AUTHORITY);
  const lost = before.filter((head) => head.class === CLASS_AUTHORITY && !isKnown(head.hash));
  return [...tips, ...lost, ...heads.values()];
}

function nameOf({ log, class: chainClass }: AuditHead): string {
  return `${log}/${chainClass}`;
}
