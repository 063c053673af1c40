import type { Exclusion, Rule } from "../model/rule.ts";
import type { From } from "./provenance.ts";
import { RULE_ATTRIBUTES, type ServerIndex } from "./server-index.ts";
import { ServerSet } from "./server-set.ts";

/** Members of a group, by its name; nothing for a name that brings nothing where it is asked. */
export type GroupLookup = (name: string) => ServerSet | undefined;

/** The servers that a rule matches; null if it has no key with a value, so that the caller says what that means. */
export function matched(rule: Rule, index: ServerIndex, group: GroupLookup): ServerSet | null {
  let found: ServerSet | null = null;
  const narrow = (key: ServerSet): void => {
    found = found === null ? key : found.intersect(key);
  };
  for (const [kind, values] of anyOf(rule)) {
    if (values.length > 0) narrow(union(kind, values, index, group));
  }
  if (rule.allLabels.length > 0) {
    const [first = "", ...more] = rule.allLabels;
    const all = index.labelled(first).copy();
    for (const label of more) all.intersect(index.labelled(label));
    narrow(all);
  }
  return found;
}

/** What any of the keys matches. */
export function excluded(exclusion: Exclusion, index: ServerIndex, group: GroupLookup): ServerSet {
  const found = ServerSet.none(index.servers.length);
  for (const [kind, values] of anyOf(exclusion)) {
    for (const name of values) found.unite(having({ kind, name }, index, group));
  }
  return found;
}

/** The parts of a rule that this server fulfils, in the order of the keys. */
export function fulfilled(
  rule: Exclusion & Partial<Rule>,
  place: number,
  index: ServerIndex,
  group: GroupLookup,
): From[] {
  const all = (rule.allLabels ?? []).map((name): From => ({ kind: "label", name }));
  const any = anyOf(rule).flatMap(([kind, values]) => values.map((name): From => ({ kind, name })));
  const seen = new Set<string>();
  return [...any, ...all].filter((part) => {
    const key = `${part.kind} ${part.name}`;
    if (seen.has(key) || !having(part, index, group).has(place)) return false;
    seen.add(key);
    return true;
  });
}

/** The servers that have one thing: a label, a value, a name, a membership. */
export function having({ kind, name }: From, index: ServerIndex, group: GroupLookup): ServerSet {
  switch (kind) {
    case "label":
      return index.labelled(name);
    case "group":
      return group(name) ?? index.none;
    case "server":
      return only(index.place(name), index);
    case "environment":
    case "region":
    case "provider":
      return index.having(kind, name);
    default:
      return index.none;
  }
}

export function only(place: number | undefined, index: ServerIndex): ServerSet {
  return ServerSet.of(index.servers.length, place === undefined ? [] : [place]);
}

/** The keys within which any value will do, servers first: whoever is meant by name is told so. */
function anyOf(rule: Exclusion): readonly (readonly [From["kind"], readonly string[]])[] {
  return [
    ["server", rule.servers],
    ["label", rule.labels],
    ["group", rule.groups],
    ...RULE_ATTRIBUTES.map((key) => [key, rule[key]] as const),
  ];
}

function union(kind: From["kind"], names: readonly string[], index: ServerIndex, group: GroupLookup): ServerSet {
  const found = ServerSet.none(index.servers.length);
  for (const name of names) found.unite(having({ kind, name }, index, group));
  return found;
}
