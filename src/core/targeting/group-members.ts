import type { Diagnostic } from "../model/diagnostic.ts";
import type { Group } from "../model/group.ts";
import { orderOf } from "./circles.ts";
import { excluded, type GroupLookup, matched, only } from "./match.ts";
import type { ServerIndex } from "./server-index.ts";
import { ServerSet } from "./server-set.ts";

/** Who is in a group, and who would be. */
export interface Membership {
  readonly group: Group;
  readonly members: ServerSet;
  /** Those whom `match` finds, whether or not they are excluded; null where it says nothing. */
  readonly matched: ServerSet | null;
  /** Those whom it reaches and excludes. */
  readonly excluded: ServerSet;
  /** What other groups mean where this one names them: nothing for one in a circle with it. */
  readonly lookup: GroupLookup;
}

export interface Memberships {
  readonly byName: ReadonlyMap<string, Membership>;
  readonly problems: readonly Diagnostic[];
}

/**
 * (What `match` matches ∪ `servers` ∪ members of `groups`) − what any key of `exclude` matches. References within a
 * circle of groups bring nothing, whoever closed it: no other rule gives every peer the same answer whichever of the
 * declarations came first.
 */
export function membershipsOf(groups: ReadonlyMap<string, Group>, index: ServerIndex): Memberships {
  const order = orderOf(new Map([...groups].map(([name, group]) => [name, namedGroups(group)])));
  const byName = new Map<string, Membership>();
  for (const name of order.names) {
    const group = groups.get(name) as Group;
    const lookup: GroupLookup = (other) => (order.isInCircle(name, other) ? undefined : byName.get(other)?.members);
    const found = group.match === null ? null : matched(group.match, index, lookup);
    const members = reached(group, found, index, lookup);
    const out = excluded(group.exclude, index, lookup).intersect(members);
    members.subtract(out);
    byName.set(name, { group, members, matched: found, excluded: out, lookup });
  }
  const problems = order.circles.map((circle): Diagnostic => {
    const way = circle.length === 1 ? "contains itself" : `contain each other: ${circle.join(", ")}`;
    const message = `${circle.length === 1 ? "it" : "these groups"} ${way}; the references between them bring nothing`;
    return { code: "cycle", kind: "group", name: circle[0] as string, message };
  });
  return { byName, problems };
}

/** Before anybody is excluded. */
function reached(group: Group, byMatch: ServerSet | null, index: ServerIndex, lookup: GroupLookup): ServerSet {
  const found = byMatch?.copy() ?? ServerSet.none(index.servers.length);
  for (const server of group.servers) found.unite(only(index.place(server), index));
  for (const name of group.groups) {
    const members = lookup(name);
    if (members !== undefined) found.unite(members);
  }
  return found;
}

/** Every group that decides about this one. */
function namedGroups({ match, groups, exclude }: Group): readonly string[] {
  return [...new Set([...groups, ...(match?.groups ?? []), ...exclude.groups])];
}
