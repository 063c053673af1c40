import { type AlarmClaims, type DeliveryClaim, type IncidentClaim, MOST_DELIVERIES, MOST_INCIDENTS } from "./claims.ts";
import type { Incident } from "./incidents.ts";

type OwnClaims = Pick<AlarmClaims, "incidents" | "deliveries">;

/** What is over is remembered for so long: a side that was cut off for less tells nobody a second time. */
export const REMEMBERED_MS = 7 * 24 * 3_600_000;

/**
 * The newest claim about an alarm takes the place of the one before. What begins anew does not replace the end of what
 * was before: that end tells apart what was told of the one and of the other.
 */
export function withIncident(own: OwnClaims, claim: IncidentClaim): OwnClaims {
  const stays = (one: IncidentClaim) => one.id !== claim.id || (claim.untilMs === null && one.untilMs !== null);
  return { ...own, incidents: [...own.incidents.filter(stays), claim] };
}

export function withDelivery(own: OwnClaims, claim: DeliveryClaim): OwnClaims {
  const isSame = (one: DeliveryClaim) => one.id === claim.id && one.route === claim.route && one.told === claim.told;
  return { ...own, deliveries: [...own.deliveries.filter((one) => !isSame(one)), claim] };
}

/**
 * Takes over what others have closed, and forgets what is long over and what nobody's record contradicts any more: a
 * closing must outlive every open claim that it closes. What does not fit goes, the oldest that is over first.
 */
export function tended(own: OwnClaims, incidents: ReadonlyMap<string, Incident>, nowMs: number): OwnClaims {
  const closed = own.incidents.map((claim) => {
    const closedMs = incidents.get(claim.id)?.closedMs ?? 0;
    return claim.untilMs === null && claim.sinceMs <= closedMs ? { ...claim, untilMs: closedMs } : claim;
  });
  const kept = closed.filter(
    ({ id, untilMs }) =>
      untilMs === null || nowMs - untilMs < REMEMBERED_MS || incidents.get(id)?.contradicted === "yes",
  );
  const [open, over] = [kept.filter(({ untilMs }) => untilMs === null), kept.filter(({ untilMs }) => untilMs !== null)];
  const newestFirst = over.sort((a, b) => (b.untilMs ?? 0) - (a.untilMs ?? 0));
  const left = [...open, ...newestFirst].slice(0, MOST_INCIDENTS).sort(byTime);
  const deliveries = own.deliveries
    .filter(({ id, atMs }) => nowMs - atMs < REMEMBERED_MS || isRemembered(incidents.get(id), nowMs))
    .sort((a, b) => a.atMs - b.atMs)
    .slice(-MOST_DELIVERIES);
  return isEqual(own.incidents, left) && isEqual(own.deliveries, deliveries) ? own : { incidents: left, deliveries };
}

function isRemembered(incident: Incident | undefined, nowMs: number): boolean {
  return incident !== undefined && (incident.open !== null || nowMs - incident.closedMs < REMEMBERED_MS);
}

function byTime(a: IncidentClaim, b: IncidentClaim): number {
  return a.sinceMs - b.sinceMs || (a.id < b.id ? -1 : 1);
}

function isEqual(a: readonly unknown[], b: readonly unknown[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
