import type { Alert, Severity } from "../model/alert.ts";
import type { Fleet } from "../model/fleet.ts";
import { NO_RULE } from "../model/rule.ts";
import { EVERY_SERVER } from "../names.ts";
import type { ClassSources } from "../targeting/class-sources.ts";
import type { Membership } from "../targeting/group-members.ts";
import { excluded, fulfilled, type GroupLookup, isMatched, looksAtTheSame, matched } from "../targeting/match.ts";
import type { From } from "../targeting/provenance.ts";
import type { ServerIndex } from "../targeting/server-index.ts";
import type { ServerSet } from "../targeting/server-set.ts";
import type { ServerSizes } from "../targeting/server-sizes.ts";
import { CATALOGUE, type CatalogueAlert, type Trigger } from "./catalogue.ts";

/** An alert and the servers that it is about. */
export interface AppliedAlert {
  readonly name: string;
  /** - `user`: somebody declared it · - `auto`: the catalogue has it, and something on the servers calls for it */
  readonly origin: "user" | "auto";
  /** As declared; empty where nothing says it. */
  readonly condition: string;
  readonly severity: Severity;
  readonly forSeconds: number;
  /** Null for one of the catalogue. */
  readonly declared: Alert | null;
  /** Labels that list it, sorted. */
  readonly labels: readonly string[];
  /** What calls for it, with the servers where it does. */
  readonly triggers: readonly Triggered[];
  readonly servers: ServerSet;
  /** Those whom it reaches and excludes. */
  readonly excluded: ServerSet;
}

interface Triggered {
  readonly trigger: Trigger;
  readonly servers: ServerSet;
}

/** What alerts are chosen by. */
export interface AlertGround {
  readonly fleet: Fleet;
  readonly index: ServerIndex;
  readonly groups: ReadonlyMap<string, Membership>;
  readonly classes: ClassSources;
  readonly sizes: ServerSizes;
}

/** What was known of the same servers. */
export interface EarlierAlerts extends Pick<AlertGround, "index" | "groups"> {
  readonly alerts: ReadonlyMap<string, AppliedAlert>;
}

/**
 * Every alert that is declared, and every one of the catalogue that a label lists or that something triggers, by name.
 * A declared alert of the catalogue's name takes its place, triggers and all.
 */
export function appliedAlerts(ground: AlertGround, before?: EarlierAlerts): ReadonlyMap<string, AppliedAlert> {
  const listing = labelsByAlert(ground.fleet);
  const found = [
    ...Array.from(ground.fleet.alerts.values(), (alert) => {
      const labels = listing.get(alert.name) ?? [];
      return unchanged(alert, labels, ground, before) ?? declaredAlert(alert, labels, ground);
    }),
    ...Object.entries(CATALOGUE)
      .filter(([name]) => !ground.fleet.alerts.has(name))
      .map(([name, entry]) => catalogueAlert(name, entry, listing.get(name) ?? [], ground))
      .filter((alert) => alert.labels.length > 0 || !alert.servers.isEmpty),
  ];
  return new Map(found.sort((a, b) => (a.name < b.name ? -1 : 1)).map((alert) => [alert.name, alert]));
}

/** Why the alert is about this server. */
export function reasonsOf(alert: AppliedAlert, place: number, ground: AlertGround): readonly From[] {
  const { index, fleet } = ground;
  const listed = alert.labels.filter((label) => index.labelled(label).has(place));
  const byLabel = listed.map((name): From => ({ kind: "label", name }));
  if (alert.declared !== null) {
    const target = alert.declared.target ?? NO_RULE;
    const isTarget = isMatched(target, place, index, lookupIn(ground));
    const parts = isTarget ? fulfilled(target, place, index, lookupIn(ground)) : [];
    const everyone: From[] = isTarget && parts.length === 0 ? [{ kind: "label", name: EVERY_SERVER }] : [];
    return distinct([...byLabel, ...parts, ...everyone]);
  }
  const triggered = alert.triggers.flatMap(({ trigger, servers }): From[] => {
    if (!servers.has(place)) return [];
    switch (trigger.kind) {
      case "class":
        return [{ kind: "class", name: trigger.name }];
      case "port":
        return [{ kind: "port", name: String(trigger.port) }];
      case "size": {
        const size = ground.sizes.of(place);
        return size.state === "given" ? [{ kind: "size", name: size.size }] : [];
      }
      case "identity":
      case "enrollment":
        return [{ kind: trigger.kind, name: fleet.servers[place]?.name ?? "" }];
    }
  });
  return [...byLabel, ...triggered];
}

/** What takes the alert away from a server that it would be about. */
export function exclusionsOf(alert: AppliedAlert, place: number, ground: AlertGround): readonly From[] {
  if (alert.declared === null || !alert.excluded.has(place)) return [];
  return fulfilled(alert.declared.exclude, place, ground.index, lookupIn(ground));
}

function declaredAlert(alert: Alert, labels: readonly string[], ground: AlertGround): AppliedAlert {
  const { index } = ground;
  const lookup = lookupIn(ground);
  const servers = (alert.target === null ? null : matched(alert.target, index, lookup)) ?? index.everyone.copy();
  for (const label of labels) servers.unite(index.labelled(label));
  const out = excluded(alert.exclude, servers, index, lookup);
  const entry = Object.hasOwn(CATALOGUE, alert.name) ? CATALOGUE[alert.name] : undefined;
  return {
    name: alert.name,
    origin: "user",
    // Whoever declares a known alert only to aim it elsewhere need not say again what it means.
    condition: alert.condition || (entry?.condition ?? ""),
    severity: alert.severity,
    forSeconds: alert.forSeconds,
    declared: alert,
    labels,
    triggers: [],
    servers: servers.subtract(out),
    excluded: out,
  };
}

function catalogueAlert(
  name: string,
  { condition, severity, forSeconds, triggers }: CatalogueAlert,
  labels: readonly string[],
  ground: AlertGround,
): AppliedAlert {
  const { index } = ground;
  const servers = index.nobody();
  for (const label of labels) servers.unite(index.labelled(label));
  const triggered = triggers.map((trigger) => ({ trigger, servers: triggeredBy(trigger, ground) }));
  for (const calling of triggered) servers.unite(calling.servers);
  const facts = { name, origin: "auto" as const, condition, severity, forSeconds };
  return { ...facts, declared: null, labels, triggers: triggered, servers, excluded: index.empty };
}

/** The declared alert as it was, if neither it has changed nor anything that it looks at. */
function unchanged(
  alert: Alert,
  labels: readonly string[],
  ground: AlertGround,
  before: EarlierAlerts | undefined,
): AppliedAlert | undefined {
  const earlier = before?.alerts.get(alert.name);
  if (before === undefined || earlier?.declared !== alert || earlier.labels.join() !== labels.join()) return undefined;
  const now = { index: ground.index, lookup: lookupIn(ground) };
  const then = { index: before.index, lookup: lookupIn(before) };
  const isSame = [alert.target ?? NO_RULE, alert.exclude, { ...NO_RULE, labels }].every((rule) => {
    return looksAtTheSame(rule, now, then);
  });
  return isSame ? earlier : undefined;
}

function triggeredBy(trigger: Trigger, { fleet, index, classes, sizes }: AlertGround): ServerSet {
  switch (trigger.kind) {
    case "class":
      return classes.having(trigger.name);
    case "port": {
      const found = index.nobody();
      for (const { name, ports } of fleet.labels.values()) {
        if (ports.includes(trigger.port)) found.unite(index.labelled(name));
      }
      return found;
    }
    case "size":
      return sizes.known;
    case "identity":
    case "enrollment":
      return index.labelled(EVERY_SERVER);
  }
}

function labelsByAlert({ labels }: Fleet): ReadonlyMap<string, readonly string[]> {
  const listing = new Map<string, string[]>();
  for (const { name, alerts } of labels.values()) {
    for (const alert of alerts) {
      const known = listing.get(alert);
      if (known === undefined) listing.set(alert, [name]);
      else known.push(name);
    }
  }
  for (const names of listing.values()) names.sort();
  return listing;
}

function lookupIn({ groups }: Pick<AlertGround, "groups">): GroupLookup {
  return (name) => groups.get(name)?.members;
}

function distinct(parts: readonly From[]): From[] {
  const seen = new Set<string>();
  return parts.filter(({ kind, name }) => {
    const key = `${kind} ${name}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
