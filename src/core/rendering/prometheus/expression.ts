import type { Condition } from "../../alerts/condition.ts";
import type { RoutedAlert } from "../rule-set.ts";
import { PROMETHEUS_METRICS, type PrometheusMetric } from "./metrics.ts";

/** The PromQL of an alert: a vector with the label `server` for every server on which the condition holds. */
export function expressionOf({ condition, servers, everywhere }: RoutedAlert): string {
  // Who is watched tomorrow belongs to it, too.
  const matchers = everywhere ? 'server!=""' : `server=~"${servers.map(({ name }) => name).join("|")}"`;
  return expression(condition, matchers);
}

/** How a comparison's metric is asked for; one of Prometheus' own is a gauge whose greatest value counts. */
export function metricOf(metric: string, own: boolean): PrometheusMetric | undefined {
  if (!own) return Object.hasOwn(PROMETHEUS_METRICS, metric) ? PROMETHEUS_METRICS[metric] : undefined;
  // A recording rule may have any name with colons, and nothing else that would end a selector.
  if (!/^[A-Za-z_:][A-Za-z0-9_:]*$/.test(metric)) return undefined;
  return {
    expression: (matchers) => `max by (server) (${metric}{${matchers}})`,
    series: (value) => [[`${metric}{M}`, `${value}+0x600`]],
  };
}

function expression(condition: Condition, matchers: string): string {
  if (condition.kind === "comparison") {
    const metric = metricOf(condition.metric, condition.backend !== null) as PrometheusMetric;
    return `${metric.expression(matchers)} ${condition.op} ${condition.value}`;
  }
  const parts = condition.parts.map((part) => `(${expression(part, matchers)})`);
  return parts.join(condition.kind === "and" ? " and on (server) " : " or on (server) ");
}
