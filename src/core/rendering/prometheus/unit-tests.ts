import { type Comparison, type Condition, comparisons } from "../../alerts/condition.ts";
import type { RoutedAlert } from "../rule-set.ts";
import { annotationsFor, quoted } from "./annotations.ts";
import { metricOf } from "./expression.ts";
import type { PrometheusMetric } from "./metrics.ts";

/** The longest window that an expression looks back on is ten minutes. */
const WARM_UP_MINUTES = 12;
/** Combinations of values that are tried to make a condition hold; a longer condition goes without a test. */
const MOST_TRIED = 20_000;

type Values = ReadonlyMap<string, number>;

/**
 * Tests in the format of `promtool test rules`: of the first server of each alert the condition is made to hold, of the
 * second not, and only the first must be told of. Shows that an expression means what was declared.
 */
export function unitTests(rules: string, alerts: readonly RoutedAlert[]): string {
  const lines = ["rule_files:", `  - ${quoted(rules)}`, "evaluation_interval: 1m", "tests:"];
  for (const alert of alerts) lines.push(...testOf(alert));
  return lines.length === 4 ? `${lines.slice(0, 3).join("\n")}\ntests: []\n` : `${lines.join("\n")}\n`;
}

function testOf(alert: RoutedAlert): string[] {
  const atMinutes = WARM_UP_MINUTES + Math.ceil(alert.forSeconds / 60);
  // What counts seconds to or from a moment moves while the condition has to hold.
  const driftSeconds = alert.forSeconds + 300;
  const loud = findValues(alert.condition, true, driftSeconds);
  const quiet = findValues(alert.condition, false, driftSeconds);
  const [first, second] = alert.servers;
  if (first === undefined || loud === null || quiet === null) return [];
  const test = (heard: boolean, told: Values, other: string | undefined): string[] => {
    const series = [
      ...seriesOf(alert.condition, told, first.name, atMinutes),
      ...(other === undefined ? [] : seriesOf(alert.condition, quiet, other, atMinutes)),
    ];
    const lines = ["  - interval: 1m", "    input_series:"];
    for (const [selector, values] of series) {
      lines.push(`      - series: ${quoted(selector)}`, `        values: ${quoted(values)}`);
    }
    lines.push("    alert_rule_test:", `      - eval_time: ${atMinutes}m`, `        alertname: ${quoted(alert.name)}`);
    if (!heard) return [...lines, "        exp_alerts: []"];
    lines.push("        exp_alerts:", "          - exp_labels:");
    lines.push(`              server: ${quoted(first.name)}`, `              severity: ${alert.severity}`);
    lines.push("            exp_annotations:");
    for (const [key, text] of Object.entries(annotationsFor(alert, first.name))) {
      lines.push(`              ${key}: ${quoted(text)}`);
    }
    return lines;
  };
  return [...test(true, loud, second?.name), ...test(false, quiet, undefined)];
}

function seriesOf(condition: Condition, values: Values, server: string, atMinutes: number): [string, string][] {
  const found = new Map<string, string>();
  for (const { metric, backend } of comparisons(condition)) {
    const { series } = metricOf(metric, backend !== null) as PrometheusMetric;
    for (const [selector, samples] of series(values.get(metric) ?? 0, atMinutes)) {
      found.set(selector.replace("M}", `server="${server}"}`), samples);
    }
  }
  return [...found];
}

/** Values of the metrics with which the condition holds, or does not; null if none were found. */
export function findValues(condition: Condition, wanted: boolean, driftSeconds: number): Values | null {
  const all = comparisons(condition);
  const metrics = [...new Set(all.map(({ metric }) => metric))];
  const candidates = metrics.map((metric) =>
    candidatesFor(
      all.filter((comparison) => comparison.metric === metric),
      driftSeconds,
    ),
  );
  const count = candidates.reduce((product, { length }) => product * length, 1);
  for (let at = 0; at < Math.min(count, MOST_TRIED); at++) {
    let rest = at;
    const values = new Map<string, number>();
    for (const [i, metric] of metrics.entries()) {
      const choices = candidates[i] as readonly number[];
      values.set(metric, choices[rest % choices.length] as number);
      rest = Math.floor(rest / choices.length);
    }
    if (holds(condition, values) === wanted) return values;
  }
  return null;
}

/** Values on both sides of every threshold, far enough that neither rounding nor the time of a test decides. */
function candidatesFor(comparisons: readonly Comparison[], driftSeconds: number): number[] {
  if (comparisons.every(({ unit }) => unit === "state")) return [0, 1];
  const thresholds = comparisons.map(({ value }) => value).sort((a, b) => a - b);
  const between = thresholds.slice(1).map((value, i) => (value + (thresholds[i] as number)) / 2);
  const [least = 0, most = 0] = [thresholds[0], thresholds.at(-1)];
  const isPercent = comparisons.some(({ unit }) => unit === "percent");
  const drifts = comparisons.some(({ metric, backend }) =>
    metricOf(metric, backend !== null)
      ?.expression("")
      .includes("time()"),
  );
  const far = Math.max(1, Math.abs(most), Math.abs(least), drifts ? driftSeconds : 0);
  const above = isPercent ? (most + 100) / 2 : most + far;
  // Rates and sizes are never negative.
  const below = drifts || least <= 0 ? least - far : least / 2;
  return [...new Set([above, below, ...thresholds, ...between])].filter(
    (value) => !isPercent || (value >= 0 && value <= 100),
  );
}

export function holds(condition: Condition, values: Values): boolean {
  if (condition.kind !== "comparison") {
    return condition.kind === "and"
      ? condition.parts.every((part) => holds(part, values))
      : condition.parts.some((part) => holds(part, values));
  }
  const value = values.get(condition.metric) ?? 0;
  switch (condition.op) {
    case ">":
      return value > condition.value;
    case ">=":
      return value >= condition.value;
    case "<":
      return value < condition.value;
    case "<=":
      return value <= condition.value;
    case "==":
      return value === condition.value;
    case "!=":
      return value !== condition.value;
  }
}
