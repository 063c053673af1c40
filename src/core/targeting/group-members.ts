import type { Diagnostic } from "../model/diagnostic.ts";
import type { Group } from "../model/group.ts";
import { orderOf } from "./circles.ts";
import { NO_RULE, type Rule } from "../model/rule.ts";
import { excluded, type GroupLookup, looksAtTheSame, matched } from "./match.ts";
import type { ServerIndex } from "./server-index.ts";
import type { ServerSet } from "./server-set.ts";

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

/** What was known of the groups of the same servers, some of whose labels or attributes have changed since. */
export interface EarlierMemberships {
  readonly index: ServerIndex;
  readonly memberships: Memberships;
}

/**
 * (What `match` matches ∪ `servers` ∪ members of `groups`) − what any key of `exclude` matches. References within a
 * circle of groups bring nothing, whoever closed it: no other rule gives every peer the same answer whichever of the
 * declarations came first. A group of which nothing has changed, nor of what it looks at, is the same object as before.
 */
export function membershipsOf(
  groups: ReadonlyMap<string, Group>,
  index: ServerIndex,
  before?: EarlierMemberships,
): Memberships {
  const order = orderOf(new Map([...groups].map(([name, group]) => [name, namedGroups(group)])));
  const byName = new Map<string, Membership>();
  for (const name of order.names) {
    const group = groups.get(name) as Group;
    const lookup: GroupLookup = (other) => (order.isInCircle(name, other) ? undefined : byName.get(other)?.members);
    const earlier = before?.memberships.byName.get(name);
    const isSame =
      before !== undefined &&
      earlier?.group === group &&
      looksAtTheSame(allOf(group), { index, lookup }, { index: before.index, lookup: earlier.lookup });
    if (isSame) {
      byName.set(name, earlier);
      continue;
    }
    const found = group.match === null ? null : matched(group.match, index, lookup);
    const members = reached(group, found, index, lookup);
    const out = excluded(group.exclude, members, index, lookup);
    members.subtract(out);
    // Who looks at this group sees by the set itself that nobody came or went.
    const kept = before !== undefined && earlier?.members.equals(members) ? earlier.members : members;
    byName.set(name, { group, members: kept, matched: found, excluded: out, lookup });
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
  const found = byMatch?.copy() ?? index.nobody();
  for (const server of group.servers) {
    const place = index.place(server);
    if (place !== undefined) found.add(place);
  }
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

/** Everything that the group names, under the keys of a rule. */
function allOf({ match, groups, exclude }: Group): Rule {
  const { labels, allLabels, environment, region, provider } = match ?? NO_RULE;
  return {
    labels: [...labels, ...exclude.labels],
    allLabels,
    environment: [...environment, ...exclude.environment],
    region: [...region, ...exclude.region],
    provider: [...provider, ...exclude.provider],
    servers: [],
    groups: [...groups, ...(match?.groups ?? []), ...exclude.groups],
  };
}
