import fc from "fast-check";
import { type Alert, SEVERITIES } from "../../src/core/model/alert.ts";
import type { Fleet } from "../../src/core/model/fleet.ts";
import type { Group } from "../../src/core/model/group.ts";
import type { Label } from "../../src/core/model/label.ts";
import type { PuppetClass } from "../../src/core/model/puppet-class.ts";
import type { Exclusion, Rule } from "../../src/core/model/rule.ts";
import type { ClassScan } from "../../src/core/model/scan.ts";
import type { ServerRecord } from "../../src/core/model/server.ts";

/** Few names, so that they meet: each stands for something declared or, the last of a row, for nothing. */
export const WORDS = {
  labels: ["web", "db", "arm", "prod", "old", "pxe", "*"],
  servers: ["web-1", "web-2", "db-1", "nas-1", "pi-1"],
  groups: ["front", "back", "all", "eu", "odd", "gone"],
  environment: ["prod", "staging"],
  region: ["eu", "us"],
  provider: ["aws", "baremetal"],
  sizes: ["small", "large"],
  alerts: ["smtp_connect", "cpu_threshold", "disk_space_low", "own_alert", "https_health", "no_such"],
  classes: ["nginx", "postgresql::server", "ntp"],
  secrets: ["web/tls", "web-tls", "db/password", "ntp/key"],
} as const;

const some = (words: readonly string[], most = 2) => fc.uniqueArray(fc.constantFrom(...words), { maxLength: most });
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
const rarely = (words: readonly string[], most = 2) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, { weight: 1, arbitrary: some(words, most) });

const puppetClasses: fc.Arbitrary<readonly PuppetClass[]> = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...WORDS.classes),
    parameters: fc.dictionary(fc.constantFrom("port", "ssl"), fc.constantFrom(1, 2, true), { maxKeys: 2 }),
  }),
  { maxLength: 2, selector: ({ name }) => name },
);

const exclusion: fc.Arbitrary<Exclusion> = fc.record({
  labels: rarely(WORDS.labels),
  environment: rarely(WORDS.environment),
  region: rarely(WORDS.region),
  provider: rarely(WORDS.provider),
  servers: rarely(WORDS.servers),
  groups: rarely(WORDS.groups),
});

const rule: fc.Arbitrary<Rule> = fc.record({
  labels: rarely(WORDS.labels, 3),
  allLabels: rarely(WORDS.labels),
  environment: rarely(WORDS.environment),
  region: rarely(WORDS.region),
  provider: rarely(WORDS.provider),
  servers: rarely(WORDS.servers),
  groups: rarely(WORDS.groups),
});

const CONDITIONS = ["disk_usage_percent > 85", "cpu_usage_percent > 9 and smtp_up == 0", "nonsense", ""];

const label = (name: string): fc.Arbitrary<Label> =>
  fc.record({
    name: fc.constant(name),
    puppetClasses,
    ports: fc.uniqueArray(fc.constantFrom(25, 80, 443), { maxLength: 2 }),
    size: maybe(fc.constantFrom(...WORDS.sizes)),
    alerts: some(WORDS.alerts),
    secrets: some(WORDS.secrets),
    managedBy: fc.constant(null),
    rest: fc.constant({}),
  });

const group = (name: string): fc.Arbitrary<Group> =>
  fc.record({
    name: fc.constant(name),
    match: maybe(rule),
    servers: rarely(WORDS.servers),
    groups: some(WORDS.groups),
    exclude: exclusion,
    puppetClasses: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: puppetClasses }),
    managedBy: fc.constant(null),
    rest: fc.constant({}),
  });

const alert = (name: string): fc.Arbitrary<Alert> =>
  fc.record({
    name: fc.constant(name),
    condition: fc.constantFrom(...CONDITIONS),
    severity: fc.constantFrom(...SEVERITIES),
    forSeconds: fc.constantFrom(0, 300),
    target: maybe(rule),
    exclude: exclusion,
    managedBy: fc.constant(null),
    rest: fc.constant({}),
  });

const scan = (name: string): fc.Arbitrary<ClassScan> =>
  fc.record({
    name: fc.constant(name),
    references: some(WORDS.secrets).map((paths) =>
      paths.map((path) => ({ path, via: null, text: `lab::secret('${path}')`, file: "init.pp", line: 1 })),
    ),
    tree: fc.constant("00"),
    managedBy: fc.constant(null),
    rest: fc.constant({}),
  });

export const server: fc.Arbitrary<ServerRecord> = fc
  .record({
    name: fc.constantFrom(...WORDS.servers),
    standing: fc.oneof(
      { weight: 6, arbitrary: fc.constant("enrolled" as const) },
      { weight: 1, arbitrary: fc.constantFrom("pending" as const, "contested" as const, "suspended" as const) },
    ),
    labels: fc.uniqueArray(fc.constantFrom(...WORDS.labels.filter((name) => name !== "*"), "undeclared"), {
      maxLength: 4,
    }),
    environment: maybe(fc.constantFrom(...WORDS.environment)),
    region: maybe(fc.constantFrom(...WORDS.region)),
    provider: maybe(fc.constantFrom(...WORDS.provider)),
    size: fc.oneof(
      { weight: 2, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.constantFrom(...WORDS.sizes) },
    ),
    puppetClasses: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: puppetClasses }),
  })
  .map((facts) => ({
    ...facts,
    id: null,
    labels: [...facts.labels].sort(),
    availability: null,
    alarmAfter: null,
    disksBytes: [],
    managedBy: null,
    declared: true,
  }));

/** Servers as a fleet has them: by name, then id; ids tell apart those that claim one name. */
export function asFleetServers(drawn: readonly ServerRecord[]): ServerRecord[] {
  return drawn
    .map((one, i) => ({ ...one, id: one.standing === "pending" ? null : `id-${i}` }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : (a.id ?? "") < (b.id ?? "") ? -1 : 1));
}

function records<T extends { readonly name: string }>(names: readonly string[], of: (name: string) => fc.Arbitrary<T>) {
  return fc.subarray([...names]).chain((chosen) => fc.tuple(...chosen.map(of)).map((all) => byName(all)));
}

function byName<T extends { readonly name: string }>(all: readonly T[]): ReadonlyMap<string, T> {
  return new Map(all.map((one) => [one.name, one]));
}

export const randomFleet: fc.Arbitrary<Fleet> = fc.record({
  servers: fc.array(server, { maxLength: 7 }).map(asFleetServers),
  labels: records(WORDS.labels.slice(0, -2).concat("*"), label),
  groups: records(WORDS.groups.slice(0, -1), group),
  alerts: records(WORDS.alerts.slice(0, -1), alert),
  sizes: fc.constant(new Map()),
  secrets: fc.constant(new Map()),
  alarmRoutes: fc.constant(new Map()),
  scans: records(WORDS.classes, scan),
  problems: fc.constant([]),
});

/** The same declarations, come in another order. */
export function shuffled(fleet: Fleet, order: readonly number[]): Fleet {
  const mixed = <T>(map: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map(
      [...map]
        .map((entry, i) => ({ entry, key: order[i % Math.max(1, order.length)] ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ entry }) => entry),
    );
  const { labels, groups, alerts, sizes, secrets, scans, ...rest } = fleet;
  return {
    ...rest,
    labels: mixed(labels),
    groups: mixed(groups),
    alerts: mixed(alerts),
    sizes: mixed(sizes),
    secrets: mixed(secrets),
    scans: mixed(scans),
  };
}
