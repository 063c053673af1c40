import type { Json } from "../json.ts";
import { isLabelName, isLabelReference } from "../names.ts";
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
  return { labels, allLabels: reader.texts("allLabels", "a label", isLabelReference), ...others };
}

export function readExclusion(reader: RecordReader): Exclusion {
  return {
    labels: reader.texts("labels", "a label", isLabelReference),
    environment: reader.texts("environment", "an environment", isLabelName),
    region: reader.texts("region", "a region", isLabelName),
    provider: reader.texts("provider", "a provider", isLabelName),
    servers: reader.texts("servers", "a server", isLabelName),
    groups: reader.texts("groups", "a group", isLabelName),
  };
}

export function writeRule(rule: Rule | Exclusion | null, rest: JsonMap = {}): Json {
  return rule === null ? null : told({ ...rest, ...rule });
}
