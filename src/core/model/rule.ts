import type { Json } from "../json.ts";
import { type JsonMap, type RecordReader, told } from "./record-reader.ts";

/** Within one key any of the values, between keys all of them. A key without values says nothing. */
export interface Rule {
  readonly labels: readonly string[];
  readonly allLabels: readonly string[];
  readonly environment: readonly string[];
  readonly region: readonly string[];
  readonly provider: readonly string[];
  /** Names or ids. */
  readonly servers: readonly string[];
  readonly groups: readonly string[];
}

/** Whatever one of the keys matches. */
export type Exclusion = Omit<Rule, "allLabels">;

export const NO_RULE: Rule = {
  labels: [],
  allLabels: [],
  environment: [],
  region: [],
  provider: [],
  servers: [],
  groups: [],
};

/** A rule inside a record; null where there is none. */
export function readRule(reader: RecordReader | null): Rule | null {
  if (reader === null) return null;
  const { labels, ...others } = readExclusion(reader);
  return { labels, allLabels: reader.choices("allLabels"), ...others };
}

export function readExclusion(reader: RecordReader): Exclusion {
  return {
    labels: reader.choices("labels"),
    environment: reader.choices("environment"),
    region: reader.choices("region"),
    provider: reader.choices("provider"),
    servers: reader.choices("servers"),
    groups: reader.choices("groups"),
  };
}

export function writeRule(rule: Rule | Exclusion | null, rest: JsonMap = {}): Json {
  return rule === null ? null : told({ ...rest, ...rule });
}

/** The keys that say something; null where none does. */
export function ruleMap(rule: Rule | Exclusion | null, rest: JsonMap = {}): JsonMap | null {
  const map = told({ ...rule, ...rest });
  return Object.keys(map).length === 0 ? null : map;
}
