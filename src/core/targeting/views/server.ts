import { exclusionsOf, reasonsOf } from "../../alerts/applied.ts";
import type { Severity } from "../../model/alert.ts";
import type { AppliedClass } from "../class-sources.ts";
import { NO_RULE } from "../../model/rule.ts";
import { fulfilled } from "../match.ts";
import type { From } from "../provenance.ts";
import type { AppliedSecret } from "../server-secrets.ts";
import { labelsOf } from "../server-index.ts";
import type { Targeting } from "../targeting.ts";

export interface AlertOnServer {
  readonly name: string;
  readonly severity: Severity;
  readonly origin: "user" | "auto";
  readonly from: readonly From[];
  /** `unknown` until a source of health says. */
  readonly state: string;
}

export interface ServerPort {
  readonly port: number;
  readonly from: readonly From[];
}

/** A group or an alert that would have the server, and what takes it out. */
export interface ExcludedFrom {
  readonly kind: "group" | "alert";
  readonly name: string;
  readonly by: From;
}

/** Everything that applies to one server (`show server`), the server itself aside. */
export interface AppliedToServer {
  readonly groups: readonly string[];
  readonly puppetClasses: readonly AppliedClass[];
  readonly alerts: readonly AlertOnServer[];
  readonly secrets: readonly AppliedSecret[];
  readonly ports: readonly ServerPort[];
  readonly excludedFrom: readonly ExcludedFrom[];
}

export function appliedToServer(targeting: Targeting, place: number): AppliedToServer {
  return {
    groups: targeting.groupsOf(place),
    puppetClasses: targeting.classes.of(place),
    alerts: alertsOn(targeting, place),
    secrets: targeting.secrets.of(place),
    ports: portsOf(targeting, place),
    excludedFrom: exclusions(targeting, place),
  };
}

/** The same seen from the other end (`targets server`): what means this server. */
export interface TargetsOfServer {
  readonly labels: readonly string[];
  readonly groups: readonly string[];
  readonly environment: string | null;
  readonly alerts: readonly { readonly name: string; readonly from: readonly From[] }[];
  readonly puppetClasses: readonly { readonly name: string; readonly from: readonly From[] }[];
  readonly secrets: readonly { readonly path: string; readonly from: readonly From[] }[];
}

export function targetsOfServer(targeting: Targeting, place: number): TargetsOfServer {
  const { labels, environment } = targeting.index.at(place);
  return {
    labels,
    groups: targeting.groupsOf(place),
    environment,
    alerts: alertsOn(targeting, place).map(({ name, from }) => ({ name, from })),
    puppetClasses: targeting.classes.of(place).map(({ name, from }) => ({ name, from })),
    secrets: targeting.secrets.of(place).map(({ path, from }) => ({ path, from })),
  };
}

/** By what a server is in a group: the parts of `match`, its own name, subgroups; nothing for one that is not in it. */
export function reasonsInGroup(targeting: Targeting, name: string, place: number): readonly From[] {
  const membership = targeting.groups.get(name);
  if (membership === undefined || !membership.members.has(place)) return [];
  const { group, lookup } = membership;
  const { index } = targeting;
  const isNamed = group.servers.some((server) => index.place(server) === place);
  const named: From[] = isNamed ? [{ kind: "server", name: index.at(place).name }] : [];
  const subgroups = group.groups.filter((one) => lookup(one)?.has(place)).sort();
  const byMatch = membership.matched?.has(place) ? fulfilled(group.match ?? NO_RULE, place, index, lookup) : [];
  return [...named, ...subgroups.map((one): From => ({ kind: "group", name: one })), ...byMatch];
}

function alertsOn(targeting: Targeting, place: number): AlertOnServer[] {
  return [...targeting.alerts.values()]
    .filter(({ servers }) => servers.has(place))
    .map((alert) => {
      const { name, severity, origin } = alert;
      return { name, severity, origin, from: reasonsOf(alert, place, targeting), state: "unknown" };
    });
}

function portsOf({ fleet, index }: Targeting, place: number): ServerPort[] {
  const from = new Map<number, From[]>();
  for (const label of labelsOf(index.at(place))) {
    for (const port of fleet.labels.get(label)?.ports ?? []) {
      from.set(port, [...(from.get(port) ?? []), { kind: "label", name: label }]);
    }
  }
  return Array.from(from, ([port, parts]) => ({ port, from: parts })).sort((a, b) => a.port - b.port);
}

function exclusions(targeting: Targeting, place: number): ExcludedFrom[] {
  const { groups, alerts, index } = targeting;
  const found: ExcludedFrom[] = [];
  for (const { group, excluded, lookup } of groups.values()) {
    if (!excluded.has(place)) continue;
    const [by] = fulfilled(group.exclude, place, index, lookup);
    if (by !== undefined) found.push({ kind: "group", name: group.name, by });
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const alert of alerts.values()) {
    const [by] = exclusionsOf(alert, place, targeting);
    if (by !== undefined) found.push({ kind: "alert", name: alert.name, by });
  }
  return found;
}
