import type { AppliedAlert } from "../alerts/applied.ts";
import { CATALOGUE } from "../alerts/catalogue.ts";
import { type Condition, comparisons, parseCondition } from "../alerts/condition.ts";
import type { Backend } from "../alerts/metric.ts";
import type { ServerRecord } from "../model/server.ts";
import type { Targeting } from "../targeting/targeting.ts";
import { sourcesOf } from "./routing.ts";

/** A file of a backend's configuration, to be written below the directory that people choose. */
export interface RenderedFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly content: string;
}

/** An alert as a backend gets it: for the servers that the backend sees. */
export interface RoutedAlert {
  readonly name: string;
  readonly summary: string;
  readonly severity: AppliedAlert["severity"];
  readonly forSeconds: number;
  readonly condition: Condition;
  /** As it was declared. */
  readonly text: string;
  /** Sorted by name. */
  readonly servers: readonly ServerRecord[];
  /** True where these are all enrolled servers. */
  readonly everywhere: boolean;
  /** Name of the file that it goes to, without ending. */
  readonly place: string;
}

/** An alert that a backend does not get, and why. */
export interface SkippedAlert {
  readonly name: string;
  readonly reason: string;
}

export interface RuleSet {
  readonly alerts: readonly RoutedAlert[];
  readonly skipped: readonly SkippedAlert[];
}

/** What one backend says about a metric: how to ask for it, or null if it has no such thing. */
export type Knows = (metric: string, own: boolean) => boolean;

/** The alerts that concern a backend, in order of name. `knows` tells which metrics it has. */
export function ruleSet(targeting: Targeting, backend: Backend, knows: Knows): RuleSet {
  const alerts: RoutedAlert[] = [];
  const skipped: SkippedAlert[] = [];
  for (const alert of targeting.alerts.values()) {
    const servers = Array.from(alert.servers, (place) => targeting.index.at(place)).filter(
      (server) => server.id !== null && sourcesOf(server).includes(backend),
    );
    if (servers.length === 0) continue;
    const parsed = parseCondition(alert.condition);
    const reason = parsed.state === "bad" ? parsed.fault.message : obstacle(parsed.condition, backend, knows);
    if (parsed.state === "bad" || reason !== null) {
      skipped.push({
        name: alert.name,
        reason: alert.condition === "" ? "nothing says when it fires" : (reason ?? ""),
      });
      continue;
    }
    const enrolled = targeting.index.servers.filter(({ id }) => id !== null);
    alerts.push({
      name: alert.name,
      summary: (Object.hasOwn(CATALOGUE, alert.name) ? CATALOGUE[alert.name]?.summary : undefined) ?? alert.condition,
      severity: alert.severity,
      forSeconds: alert.forSeconds,
      condition: parsed.condition,
      text: alert.condition,
      servers: servers.sort((a, b) => (a.name < b.name ? -1 : 1)),
      everywhere: servers.length === enrolled.length,
      place: placeOf(alert),
    });
  }
  return { alerts, skipped };
}

/** The group that an alert is for, where it is for one; what nobody declared stands apart. */
export function placeOf({ declared }: AppliedAlert): string {
  if (declared === null) return "catalogue";
  const groups = declared.target?.groups ?? [];
  return groups.length === 1 ? (groups[0] as string) : "fleet";
}

function obstacle(condition: Condition, backend: Backend, knows: Knows): string | null {
  for (const { metric, backend: owner } of comparisons(condition)) {
    if (owner !== null && owner !== backend) return `${owner}:${metric} is a metric of ${owner}`;
    if (!knows(metric, owner === backend)) return `${backend} has no ${metric}`;
  }
  return null;
}
