import { type AppliedAlert, exclusionsOf } from "../../alerts/applied.ts";
import { printDuration } from "../../duration.ts";
import type { Severity } from "../../model/alert.ts";
import { type JsonMap, told } from "../../model/record-reader.ts";
import { ruleMap } from "../../model/rule.ts";
import type { From } from "../provenance.ts";
import type { Targeting } from "../targeting.ts";
import type { ExcludedServer } from "./group.ts";

/** An alert and the servers that it is about (`show alert`); `rendered` is for whoever knows the backends. */
export interface AlertView {
  readonly name: string;
  readonly severity: Severity;
  readonly condition: string;
  /** As people write it: `5m`; `0s` fires at once. */
  readonly for: string;
  readonly origin: "user" | "auto";
  /** The rule, as declared; null is every server, or what labels and the catalogue say. */
  readonly target: JsonMap | null;
  readonly servers: readonly AlertedServer[];
  readonly excluded: readonly ExcludedServer[];
}

export interface AlertedServer {
  readonly name: string;
  /** `unknown` until a source of health says, and no value. */
  readonly state: string;
  readonly value: number | null;
}

export function alertView(targeting: Targeting, name: string): AlertView | null {
  const alert = targeting.alerts.get(name);
  if (alert === undefined) return null;
  const { index } = targeting;
  return {
    ...alertFacts(alert),
    servers: index.names(alert.servers).map((server) => ({ name: server, state: "unknown", value: null })),
    excluded: Array.from(alert.excluded, (place) => ({
      name: index.at(place).name,
      by: exclusionsOf(alert, place, targeting)[0] as From,
    })),
  };
}

/** What a list of alerts shows of each, servers aside. */
export function alertFacts(alert: AppliedAlert): Omit<AlertView, "servers" | "excluded"> {
  const { name, severity, condition, forSeconds, origin, declared } = alert;
  const target = declared === null ? null : ruleMap(declared.target, told({ exclude: ruleMap(declared.exclude) }));
  return { name, severity, condition, for: printDuration(forSeconds), origin, target };
}
