import type { AlarmNotice } from "../ports/notifier.ts";
import type { IncidentClaim, Told } from "./claims.ts";
import { KIND_TRAITS } from "./kinds.ts";

export interface NoticeParts {
  /** Name of the mesh. */
  readonly mesh: string;
  readonly from: string;
  readonly route: string;
  readonly told: Told;
  readonly claim: IncidentClaim;
  readonly nowMs: number;
}

/** What is sent about an alarm, by whatever way. */
export function noticeOf({ mesh, from, route, told, claim, nowMs }: NoticeParts): AlarmNotice {
  const { id, kind, about, server, detail, sinceMs, untilMs } = claim;
  const since = rfc3339(sinceMs);
  return {
    v: 1,
    mesh,
    state: told,
    alarm: {
      id,
      kind,
      severity: KIND_TRAITS[kind].severity,
      about,
      server,
      detail,
      since,
      until: untilMs === null ? null : rfc3339(untilMs),
    },
    route,
    from,
    time: rfc3339(nowMs),
    delivery: `${id} ${since} ${told} ${route}`,
  };
}

/** A claim of another machine may name a time that no calendar has. */
function rfc3339(ms: number): string {
  return new Date(Math.min(ms, 8.64e15)).toISOString();
}
