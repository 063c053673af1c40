import type { Exclusion, Rule } from "../model/rule.ts";
import type { From } from "./provenance.ts";
import type { RuleAttribute, ServerIndex } from "./server-index.ts";
import type { ServerSet } from "./server-set.ts";

/** Members of a group, by its name; nothing for a name that brings nothing where it is asked. */
export type GroupLookup = (name: string) => ServerSet | undefined;

/** What one value of a rule can be: a label, a value of an attribute, a name, a membership. */
type RuleKind = "server" | "label" | "group" | RuleAttribute;

/** The servers that a rule matches; null if it has no key with a value, so that the caller says what that means. */
export function matched(rule: Rule, index: ServerIndex, group: GroupLookup): ServerSet | null {
  let found: ServerSet | null = null;
  for (const [kind, values] of anyOf(rule)) {
    if (values.length === 0) continue;
    if (found === null) found = united(kind, values, index, group);
    else
      found.intersect(
        values.length === 1 ? having(kind, values[0] as string, index, group) : united(kind, values, index, group),
      );
  }
  for (const label of rule.allLabels) {
    if (found === null) found = index.labelled(label).copy();
    else found.intersect(index.labelled(label));
  }
  return found;
}

/** What any of the keys matches, of those given. */
export function excluded(exclusion: Exclusion, among: ServerSet, index: ServerIndex, group: GroupLookup): ServerSet {
  let found: ServerSet | null = null;
  for (const [kind, values] of anyOf(exclusion)) {
    if (values.length === 0) continue;
    found = found === null ? united(kind, values, index, group) : found.unite(united(kind, values, index, group));
  }
  return found?.intersect(among) ?? index.empty;
}

/** Where rules are read: an index, and what groups mean there. */
export interface Ground {
  readonly index: ServerIndex;
  readonly lookup: GroupLookup;
}

/** True if everything that the rule looks at is the same in both, so that it matches the same servers. */
export function looksAtTheSame(rule: Exclusion & Partial<Rule>, now: Ground, before: Ground): boolean {
  const isSame = (kind: RuleKind, name: string): boolean =>
    kind === "server" || setOf(kind, name, now.index, now.lookup) === setOf(kind, name, before.index, before.lookup);
  return (
    anyOf(rule).every(([kind, values]) => values.every((name) => isSame(kind, name))) &&
    (rule.allLabels ?? []).every((name) => isSame("label", name))
  );
}

/** True if the rule matches this server, or has no key with a value. */
export function isMatched(rule: Rule, place: number, index: ServerIndex, group: GroupLookup): boolean {
  for (const [kind, values] of anyOf(rule)) {
    if (values.length > 0 && !values.some((name) => holds(kind, name, place, index, group))) return false;
  }
  return rule.allLabels.every((label) => index.labelled(label).has(place));
}

/** The parts of a rule that this server fulfils, in the order of the keys. */
export function fulfilled(
  rule: Exclusion & Partial<Rule>,
  place: number,
  index: ServerIndex,
  group: GroupLookup,
): From[] {
  const found: From[] = [];
  for (const [kind, values] of anyOf(rule)) {
    for (const name of values) if (holds(kind, name, place, index, group)) found.push({ kind, name });
  }
  for (const name of rule.allLabels ?? []) {
    const isTold = rule.labels.includes(name);
    if (!isTold && holds("label", name, place, index, group)) found.push({ kind: "label", name });
  }
  return found;
}

/** Servers first: whoever is meant by name is told so. */
function anyOf(rule: Exclusion): readonly (readonly [RuleKind, readonly string[]])[] {
  return [
    ["server", rule.servers],
    ["label", rule.labels],
    ["group", rule.groups],
    ["environment", rule.environment],
    ["region", rule.region],
    ["provider", rule.provider],
  ];
}

function united(kind: RuleKind, values: readonly string[], index: ServerIndex, group: GroupLookup): ServerSet {
  const [first = "", ...more] = values;
  const found = kind === "server" ? index.nobody() : having(kind, first, index, group).copy();
  for (const name of kind === "server" ? values : more) {
    if (kind !== "server") {
      found.unite(having(kind, name, index, group));
      continue;
    }
    const place = index.place(name);
    if (place !== undefined) found.add(place);
  }
  return found;
}

function having(kind: RuleKind, name: string, index: ServerIndex, group: GroupLookup): ServerSet {
  return kind === "server" ? united(kind, [name], index, group) : (setOf(kind, name, index, group) ?? index.empty);
}

function holds(kind: RuleKind, name: string, place: number, index: ServerIndex, group: GroupLookup): boolean {
  if (kind === "server") return index.place(name) === place;
  return setOf(kind, name, index, group)?.has(place) ?? false;
}

function setOf(
  kind: Exclude<RuleKind, "server">,
  name: string,
  index: ServerIndex,
  group: GroupLookup,
): ServerSet | undefined {
  switch (kind) {
    case "label":
      return index.labels.get(name);
    case "group":
      return group(name);
    case "environment":
    case "region":
    case "provider":
      return index.attributes[kind].get(name);
  }
}
