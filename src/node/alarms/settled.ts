import type { AlarmClaims } from "../../core/alarms/claims.ts";
import { type Finding, findingKey } from "../../core/alarms/findings.ts";
import type { AlarmGround, AlarmTask } from "../../core/alarms/plan.ts";
import type { Others } from "./others.ts";

/** What a look is made of, beside routes and time. */
export interface Looked {
  readonly findings: readonly Finding[];
  readonly others: Others;
  readonly own: Pick<AlarmClaims, "incidents" | "deliveries">;
  readonly programs: readonly string[] | null;
}

/**
 * Whether time alone changes nothing about what came of a look: all that is found is raised, nothing is to be done or
 * told, and nothing that is over is kept until it may be forgotten. An alarm may stand like this for weeks.
 */
export function isSettled(ground: AlarmGround, tasks: readonly AlarmTask[], { own }: Looked): boolean {
  if (tasks.length + ground.routes.length + own.deliveries.length > 0) return false;
  if (own.incidents.some(({ untilMs }) => untilMs !== null)) return false;
  const raised = new Set<string>();
  for (const { open } of ground.incidents.values()) if (open !== null) raised.add(findingKey(open));
  return ground.findings.every((finding) => raised.has(findingKey(finding)));
}

export function isSameLook(a: Looked, b: Looked): boolean {
  return a.findings === b.findings && a.others === b.others && a.own === b.own && a.programs === b.programs;
}
