import type { PuppetClass } from "../../model/puppet-class.ts";
import type { Targeting } from "../targeting.ts";

/** Where a label is and what it brings (`show label`). */
export interface LabelView {
  readonly name: string;
  readonly servers: readonly string[];
  readonly puppetClasses: readonly PuppetClass[];
  readonly alerts: readonly string[];
  /** Those that it names, then those that the code of its classes names. */
  readonly secrets: readonly string[];
  readonly ports: readonly number[];
  readonly size: string | null;
  /** Alerts whose target names the label. */
  readonly targetedBy: readonly string[];
}

/** Null for a label that nobody has and nothing describes. */
export function labelView({ fleet, index, secrets, alerts }: Targeting, name: string): LabelView | null {
  const declared = fleet.labels.get(name);
  if (declared === undefined && !index.labels.has(name)) return null;
  const naming = [...alerts.values()].filter(({ declared: alert }) =>
    [...(alert?.target?.labels ?? []), ...(alert?.target?.allLabels ?? [])].includes(name),
  );
  return {
    name,
    servers: index.names(index.labelled(name)),
    puppetClasses: declared?.puppetClasses ?? [],
    alerts: declared?.alerts ?? [],
    secrets: [...new Set(secrets.grants(name).map(({ path }) => path))],
    ports: declared?.ports ?? [],
    size: declared?.size ?? null,
    targetedBy: naming.map((alert) => alert.name),
  };
}
