import { EVERY_SERVER } from "../../core/names.ts";
import { ruleMap } from "../../core/model/rule.ts";
import { writePuppetClasses } from "../../core/model/puppet-class.ts";
import { alertFacts } from "../../core/targeting/views/alert.ts";
import type { Alert } from "../../operations/kinds/alert.ts";
import type { Group } from "../../operations/kinds/group.ts";
import type { Label } from "../../operations/kinds/label.ts";
import type { Size } from "../../operations/kinds/size.ts";
import { metaOf, type ReadSource } from "./read-source.ts";

/** Labels that are declared, and labels that a server has. */
export function listLabels(source: ReadSource): unknown {
  const { fleet, index } = source.targeting();
  // The built-in label is told of only when it brings something.
  const carried = [...index.labels.keys()].filter((name) => name !== EVERY_SERVER);
  const items = [...new Set([...carried, ...fleet.labels.keys()])].sort().map((name): Label => {
    const declared = fleet.labels.get(name);
    return {
      name,
      puppetClasses: writePuppetClasses(declared?.puppetClasses ?? []) as Label["puppetClasses"],
      ports: [...(declared?.ports ?? [])],
      size: declared?.size ?? null,
      alerts: [...(declared?.alerts ?? [])],
      secrets: [...(declared?.secrets ?? [])],
      servers: index.labelled(name).size,
      containers: null,
    };
  });
  return { kind: "LabelList", meta: metaOf(source), items };
}

export function listGroups(source: ReadSource): unknown {
  const { groups, index } = source.targeting();
  const all = [...groups.values()].sort((a, b) => (a.group.name < b.group.name ? -1 : 1));
  const items = all.map(({ group, members, excluded }): Group => {
    return {
      name: group.name,
      servers: index.names(members),
      groups: [...group.groups],
      excluded: index.names(excluded),
      match: ruleMap(group.match),
      named: [...group.servers],
      exclude: ruleMap(group.exclude),
      puppetClasses: writePuppetClasses(group.puppetClasses) as Group["puppetClasses"],
    };
  });
  return { kind: "GroupList", meta: metaOf(source), items };
}

export function listAlerts(source: ReadSource): unknown {
  const { alerts, index } = source.targeting();
  const items = Array.from(
    alerts.values(),
    (alert): Alert => ({
      ...alertFacts(alert),
      servers: index.names(alert.servers),
      excluded: index.names(alert.excluded),
    }),
  );
  return { kind: "AlertList", meta: metaOf(source), items };
}

export function listSizes(source: ReadSource): unknown {
  const { fleet, sizes } = source.targeting();
  const counts = new Map<string, number>();
  for (const place of fleet.servers.keys()) {
    const found = sizes.of(place);
    if (found.state === "given") counts.set(found.size, (counts.get(found.size) ?? 0) + 1);
  }
  const items = [...fleet.sizes.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(
      ({ name, cores, memoryBytes, diskBytes, providers }): Size => ({
        name,
        cores,
        memoryBytes,
        diskBytes,
        providers,
        servers: counts.get(name) ?? 0,
      }),
    );
  return { kind: "SizeList", meta: metaOf(source), items };
}
