import type { Severity } from "../model/alert.ts";
import { ALARM_AFTER_MS } from "../ports/verdict.ts";

/**
 * What a person must be told of.
 * - `unreachable`: a member is away for longer than its alarm time
 * - `isolated`: this side of the mesh sees less than half of it, and keeps quiet about everybody else
 * - `name-contested`: two machines claim one name
 * - `log-forked`: somebody signed two histories
 * - `token-contested`: two keys redeemed one token; both are suspended
 * - `role-missing`: nobody runs a role that the mesh needs
 * - `role-failing`: a machine has a role and cannot do what it asks
 * - `clock-off`: a machine's clock is not the others'
 * - `backlog`: entries of one writer wait for what they build on, and there are too many of them
 * - `store-damaged`: a store was healed with loss
 * - `store-unwritable`: nothing can be written, and reads are answered from memory
 * - `secret-exposed`: a value that somebody has who left was not replaced in time
 * - `backup-failing`: a machine that makes backups by itself cannot make one, or not a whole one
 * - `disk-full`: soon nothing can be written any more
 */
export const ALARM_KINDS = [
  "unreachable",
  "isolated",
  "name-contested",
  "log-forked",
  "token-contested",
  "role-missing",
  "role-failing",
  "clock-off",
  "backlog",
  "store-damaged",
  "store-unwritable",
  "secret-exposed",
  "backup-failing",
  "disk-full",
] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

interface KindTraits {
  readonly severity: Severity;
  /** How long it has to hold before anybody is told: what mends itself sooner is nobody's business. */
  readonly afterMs: number;
}

const MINUTE_MS = 60_000;
/** Long enough that a replica which catches up has heard the rest of the story. */
const CATCH_UP_MS = 20_000;

export const KIND_TRAITS: Readonly<Record<AlarmKind, KindTraits>> = {
  unreachable: { severity: "critical", afterMs: ALARM_AFTER_MS },
  isolated: { severity: "critical", afterMs: MINUTE_MS },
  "name-contested": { severity: "warning", afterMs: CATCH_UP_MS },
  "log-forked": { severity: "critical", afterMs: CATCH_UP_MS },
  "token-contested": { severity: "critical", afterMs: CATCH_UP_MS },
  "role-missing": { severity: "critical", afterMs: MINUTE_MS },
  "role-failing": { severity: "warning", afterMs: MINUTE_MS },
  "clock-off": { severity: "warning", afterMs: MINUTE_MS },
  backlog: { severity: "warning", afterMs: MINUTE_MS },
  "store-damaged": { severity: "warning", afterMs: CATCH_UP_MS },
  "store-unwritable": { severity: "critical", afterMs: CATCH_UP_MS },
  "secret-exposed": { severity: "critical", afterMs: CATCH_UP_MS },
  "backup-failing": { severity: "warning", afterMs: MINUTE_MS },
  "disk-full": { severity: "critical", afterMs: CATCH_UP_MS },
};

export function isAlarmKind(word: unknown): word is AlarmKind {
  return (ALARM_KINDS as readonly unknown[]).includes(word);
}
