import type { Json } from "../json.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { type JsonMap, RecordReader, told } from "./record-reader.ts";
import { type Exclusion, NO_RULE, type Rule, readExclusion, readRule, writeRule } from "./rule.ts";

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** An alert that people declared. Stands at `alert/<name>`. */
export interface Alert {
  readonly name: string;
  /** In the language of `alerts/condition.ts`; empty where the record has none. */
  readonly condition: string;
  readonly severity: Severity;
  /** How long the condition has to hold. */
  readonly forSeconds: number;
  /** Null is every server. */
  readonly target: Rule | null;
  readonly exclude: Exclusion;
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

export function readAlert(name: string, value: Json, problems: Diagnostic[]): Alert {
  const reader = new RecordReader("alert", name, value, problems);
  const target = reader.inner("target");
  const exclude = target?.inner("exclude") ?? null;
  return {
    name,
    condition: reader.text("condition") ?? "",
    severity: reader.word("severity", SEVERITIES) ?? "warning",
    forSeconds: reader.amount("forSeconds") ?? 0,
    target: readRule(target),
    exclude: exclude === null ? NO_RULE : readExclusion(exclude),
    managedBy: reader.text("managedBy"),
    rest: reader.rest(),
  };
}

export function writeAlert({
  condition,
  severity,
  forSeconds,
  target,
  exclude,
  managedBy,
  rest,
}: Omit<Alert, "name">): Json {
  const excluded = told({ exclude: writeRule(exclude) });
  return told({
    ...rest,
    condition,
    severity,
    forSeconds: forSeconds || null,
    target: target === null && Object.keys(excluded).length === 0 ? null : writeRule(target ?? NO_RULE, excluded),
    managedBy,
  });
}
