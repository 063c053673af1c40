import type { Json } from "../json.ts";
import { isLabelName } from "../names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { type PuppetClass, readPuppetClasses, writePuppetClasses } from "./puppet-class.ts";
import { type JsonMap, RecordReader, told } from "./record-reader.ts";
import { type Exclusion, NO_RULE, type Rule, readExclusion, readRule, writeRule } from "./rule.ts";

/** (What `match` matches ∪ `servers` ∪ members of `groups`) − what `exclude` matches. Stands at `group/<name>`. */
export interface Group {
  readonly name: string;
  /** Null matches nothing; so does a rule without any value. */
  readonly match: Rule | null;
  readonly servers: readonly string[];
  readonly groups: readonly string[];
  readonly exclude: Exclusion;
  /** Classes of every member; their parameters go before those of labels. */
  readonly puppetClasses: readonly PuppetClass[];
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

export function readGroup(name: string, value: Json, problems: Diagnostic[]): Group {
  const reader = new RecordReader("group", name, value, problems);
  const exclude = reader.inner("exclude");
  return {
    name,
    match: readRule(reader.inner("match")),
    servers: reader.texts("servers", "a server", isLabelName),
    groups: reader.texts("groups", "a group", isLabelName),
    exclude: exclude === null ? NO_RULE : readExclusion(exclude),
    puppetClasses: readPuppetClasses(reader, "puppetClasses"),
    managedBy: reader.text("managedBy"),
    rest: reader.rest(),
  };
}

export function writeGroup(group: Omit<Group, "name">): Json {
  const { match, servers, groups, exclude, puppetClasses, managedBy, rest } = group;
  return told({
    ...rest,
    match: writeRule(match),
    servers,
    groups,
    exclude: writeRule(exclude),
    puppetClasses: writePuppetClasses(puppetClasses),
    managedBy,
  });
}
