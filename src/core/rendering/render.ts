import type { Backend } from "../alerts/metric.ts";
import type { Targeting } from "../targeting/targeting.ts";
import { cloudWatchKnows, renderCloudWatch } from "./cloudwatch/template.ts";
import { NAGIOS_CHECKS } from "./nagios/checks.ts";
import { checkOf, renderNagios } from "./nagios/objects.ts";
import { metricOf } from "./prometheus/expression.ts";
import { renderPrometheus } from "./prometheus/rules.ts";
import { type RenderedFile, type RuleSet, ruleSet, type SkippedAlert } from "./rule-set.ts";

/** What a backend is given, and which alerts it is not and why. */
export interface Rendering {
  readonly files: readonly RenderedFile[];
  readonly skipped: readonly SkippedAlert[];
}

/** Where an alert of some server is to be found. */
export interface RenderedPlace {
  readonly backend: Backend;
  /** In people's words: which file or rule, for how many servers; or why it is not there. */
  readonly place: string;
}

export function render(targeting: Targeting, backend: Backend): Rendering {
  const rules = rulesFor(targeting, backend);
  switch (backend) {
    case "prometheus":
      return { files: renderPrometheus(rules), skipped: rules.skipped };
    case "nagios":
      return renderNagios(rules);
    case "cloudwatch":
      return renderCloudWatch(rules);
  }
}

/** For `show alert`: which backends have it, and where. */
export function placesOf(targeting: Targeting, name: string): RenderedPlace[] {
  const places: RenderedPlace[] = [];
  for (const backend of ["prometheus", "nagios", "cloudwatch"] as const) {
    const rules = rulesFor(targeting, backend);
    const skipped = rules.skipped.find((alert) => alert.name === name);
    const alert = rules.alerts.find((each) => each.name === name);
    if (skipped !== undefined) places.push({ backend, place: `not rendered: ${skipped.reason}` });
    if (alert === undefined) continue;
    const { length } = alert.servers;
    const counted = (noun: string) => `${length} ${noun}${length === 1 ? "" : "s"}`;
    switch (backend) {
      case "prometheus":
        places.push({ backend, place: `rule "${name}" in rules/${alert.place}.yaml` });
        break;
      case "nagios": {
        const check = checkOf(alert);
        places.push({
          backend,
          place:
            typeof check === "string" ? `not rendered: ${check}` : `service check on ${counted("bare-metal host")}`,
        });
        break;
      }
      case "cloudwatch":
        places.push({ backend, place: `alarm for ${counted("instance")}` });
        break;
    }
  }
  return places;
}

function rulesFor(targeting: Targeting, backend: Backend): RuleSet {
  switch (backend) {
    case "prometheus":
      return ruleSet(targeting, backend, (metric, own) => metricOf(metric, own) !== undefined);
    case "nagios":
      return ruleSet(targeting, backend, (metric, own) => own || Object.hasOwn(NAGIOS_CHECKS, metric));
    case "cloudwatch":
      return ruleSet(targeting, backend, cloudWatchKnows);
  }
}
