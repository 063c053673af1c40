import { toHex } from "../bytes.ts";
import { utf8Encode } from "../utf8.ts";
import type { AlarmClaims, DeliveryClaim, IncidentClaim } from "./claims.ts";
import type { Hash } from "../rendezvous.ts";
import { type Finding, findingKey } from "./findings.ts";

/** What all the records together say about one alarm. */
export interface Incident {
  readonly id: string;
  /** The last time that it was over; 0 if it never was. */
  readonly closedMs: number;
  /** What is going on since then; null if nothing is. */
  readonly open: (IncidentClaim & { readonly raisedBy: string }) | null;
  /** The claim that was closed last; null if none was. */
  readonly closed: IncidentClaim | null;
  /** `yes` while some record still says that it is going on, although it is over. */
  readonly contradicted: "yes" | "no";
  readonly deliveries: readonly (DeliveryClaim & { readonly by: string })[];
}

const ID_LETTERS = 10;

/** The same for every observer, and for every time that the same thing happens. */
export function alarmId(hash: Hash, finding: Pick<Finding, "kind" | "about">): string {
  return toHex(hash(utf8Encode(`lab alarm ${findingKey(finding)}`))).slice(0, ID_LETTERS);
}

/**
 * What members claim, put together; who says it first or last has no part in it. Of several claims about one incident
 * the earliest is meant. What a member says about its own absence counts for nothing.
 */
export function foldClaims(
  records: readonly { readonly by: string; readonly claims: AlarmClaims }[],
): ReadonlyMap<string, Incident> {
  const claims = new Map<string, (IncidentClaim & { readonly raisedBy: string })[]>();
  const deliveries = new Map<string, (DeliveryClaim & { readonly by: string })[]>();
  for (const { by, claims: said } of records) {
    for (const claim of said.incidents) {
      if (claim.kind === "unreachable" && claim.server === by) continue;
      append(claims, claim.id, { ...claim, raisedBy: by });
    }
    for (const delivery of said.deliveries) append(deliveries, delivery.id, { ...delivery, by });
  }
  const incidents = new Map<string, Incident>();
  for (const [id, said] of claims) {
    const sorted = said.sort(
      (a, b) => a.sinceMs - b.sinceMs || compareText(a.raisedBy, b.raisedBy) || compareText(a.detail, b.detail),
    );
    const closedMs = Math.max(0, ...sorted.map(({ untilMs }) => untilMs ?? 0));
    const open = sorted.find(({ untilMs, sinceMs }) => untilMs === null && sinceMs > closedMs) ?? null;
    const closed = sorted.find(({ untilMs }) => untilMs === closedMs) ?? null;
    const stale = sorted.some(({ untilMs, sinceMs }) => untilMs === null && sinceMs <= closedMs);
    const told = (deliveries.get(id) ?? []).sort(
      (a, b) => a.atMs - b.atMs || compareText(`${a.by} ${a.route} ${a.told}`, `${b.by} ${b.route} ${b.told}`),
    );
    incidents.set(id, { id, closedMs, open, closed, contradicted: stale ? "yes" : "no", deliveries: told });
  }
  return incidents;
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
