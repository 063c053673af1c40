import type { Severity } from "../../model/alert.ts";
import { fulfilled } from "../match.ts";
import type { From } from "../provenance.ts";
import type { Targeting } from "../targeting.ts";

export interface ExcludedServer {
  readonly name: string;
  readonly by: From;
}

/** What a group contains and whom it leaves out (`show group`). */
export interface GroupView {
  readonly name: string;
  readonly groups: readonly string[];
  readonly servers: readonly string[];
  readonly excluded: readonly ExcludedServer[];
  readonly alerts: readonly GroupAlert[];
  readonly subgroups: readonly Subgroup[];
}

export interface Subgroup {
  readonly name: string;
  /** How many are in it. */
  readonly servers: number;
  readonly subgroups: readonly Subgroup[];
}

/** An alert whose target names the group, or a group that contains it. */
export interface GroupAlert {
  readonly name: string;
  readonly severity: Severity;
  readonly group: string;
}

/** Beyond this a tree tells nobody anything, and those who wrote it may have meant harm. */
const DEEPEST = 16;

export function groupView(targeting: Targeting, name: string): GroupView | null {
  const { groups, index } = targeting;
  const membership = groups.get(name);
  if (membership === undefined) return null;
  const { group, members, excluded, lookup } = membership;
  return {
    name,
    groups: [...group.groups].sort(),
    servers: index.names(members),
    excluded: Array.from(excluded, (place) => ({
      name: index.at(place).name,
      by: fulfilled(group.exclude, place, index, lookup)[0] as From,
    })),
    alerts: alertsOf(targeting, name),
    subgroups: subgroupsOf(targeting, name, 1),
  };
}

function subgroupsOf(targeting: Targeting, name: string, depth: number): Subgroup[] {
  const membership = targeting.groups.get(name);
  if (membership === undefined || depth > DEEPEST) return [];
  const { group, lookup } = membership;
  return [...group.groups].sort().flatMap((one) => {
    const members = lookup(one);
    if (members === undefined) return [];
    return [{ name: one, servers: members.size, subgroups: subgroupsOf(targeting, one, depth + 1) }];
  });
}

function alertsOf({ alerts, groups }: Targeting, name: string): GroupAlert[] {
  const containing = new Set([name]);
  // Grows while it is walked: what contains the group, what contains that, and so on.
  for (const inner of containing) {
    for (const [outer, { group, lookup }] of groups) {
      if (group.groups.includes(inner) && lookup(inner) !== undefined) containing.add(outer);
    }
  }
  return [...alerts.values()].flatMap((alert) => {
    const group = alert.declared?.target?.groups.find((one) => containing.has(one));
    return group === undefined ? [] : [{ name: alert.name, severity: alert.severity, group }];
  });
}
