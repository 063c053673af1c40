import type {
  AlertApplied,
  From,
  GroupApplied,
  LabelApplied,
  SecretApplied,
  ServerApplied,
  ServerTargets,
  Subgroup,
} from "../../operations/kinds/applied.ts";
import { pillarText } from "./pillar.ts";
import { ruleText } from "./rule.ts";
import { ago, clockTime, NOTHING } from "./text.ts";
import { aligned, branches, some } from "./tree.ts";
import { wrapped } from "./wrapped.ts";

/** The pages of `lab show` and `lab targets`, in the forms of the specification. */

/** More lines than this of one kind tell less than their number. */
const MOST_LINES = 12;

export function serverPage(applied: ServerApplied): string[] {
  const { server, groups, puppetClasses, alerts, secrets, ports, excludedFrom } = applied;
  const where = [server.provider, server.region].filter((word) => word !== null);
  const portLines = ports.map(({ port, from }) => `${port} ${because(from)}`);
  return [
    `Server: ${server.name}${where.length > 0 ? ` (${where.join(", ")})` : ""}`,
    ...listed("Labels:   ", server.labels),
    ...listed("Groups:   ", groups),
    `Environment: ${server.environment ?? NOTHING}`,
    "",
    ...bySource("Puppet Classes", puppetClasses, ({ name }) => name),
    ...bySource("Alerts", alerts, ({ name, from, origin }) => (origin === "auto" ? `${name} ${because(from)}` : name)),
    ...bySource("Secrets", secrets, ({ path, access }) => `${path} (${access})`),
    ...(ports.length > 0 ? [`Ports (${ports.length}):`, ...branches(portLines), ""] : []),
    ...(excludedFrom.length > 0 ? ["Excluded From:", ...branches(excludedFrom.map(exclusion))] : []),
  ].filter((line, i, lines) => line !== "" || i < lines.length - 1);
}

export function targetsPage(targets: ServerTargets): string[] {
  const { server, labels, groups, environment, alerts, puppetClasses, secrets } = targets;
  const section = (title: string, items: readonly { readonly name: string; readonly from: readonly From[] }[]) =>
    items.length === 0
      ? []
      : [
          "",
          `  ${title} (${items.length}):`,
          ...branches(aligned(items.map(({ name, from }) => [name, chiefly(from)])), "    "),
        ];
  return [
    `Everything targeting ${server}:`,
    ...listed("  Labels:     ", labels),
    ...listed("  Groups:     ", groups),
    `  Environment: ${environment ?? NOTHING}`,
    ...section("Alerts", alerts),
    ...section("Puppet Classes", puppetClasses),
    ...section(
      "Secrets",
      secrets.map(({ path, from }) => ({ name: path, from })),
    ),
  ];
}

export function labelPage(label: LabelApplied): string[] {
  const count = label.servers.length;
  const servers = label.serverDetails.map((server) => [
    `${server.name} (${[server.provider, server.environment].filter((word) => word !== null).join(", ") || NOTHING})`,
    ...(["sync", "puppet", "health", "identity"] as const).map((name) => {
      const { state } = server[name];
      return state === "unknown" ? `${NOTHING} ${name}` : `${pillarText({ ...server[name], detail: name })}`;
    }),
  ]);
  const classes = label.puppetClasses.map((one) => (typeof one === "string" ? one : one.name));
  const provides = Object.entries({
    "Puppet Classes": classes,
    Alerts: label.alerts,
    Secrets: label.secrets,
    Ports: label.ports.map(String),
    Size: label.size === null ? [] : [label.size],
  }).filter(([, values]) => values.length > 0);
  return [
    `Label: ${label.name}`,
    `Applied to: ${counted(count, "server")}`,
    ...(count > 0 ? ["", "Servers:", ...branches(some(aligned(servers), 40))] : []),
    "",
    provides.length === 0 ? "Provides: nothing" : "Provides:",
    ...provides.flatMap(([name, values]) => wrapped(`  ${name}: ${values.join(", ")}`, 2)),
    ...(label.targetedBy.length > 0 ? ["", "Alerts targeting this label:", ...branches(label.targetedBy)] : []),
  ];
}

export function groupPage(group: GroupApplied): string[] {
  const { groups, servers, excluded, alerts, subgroups } = group;
  const contents = [
    ...(groups.length > 0 ? [counted(groups.length, "subgroup")] : []),
    counted(servers.length, "server") + (excluded.length > 0 ? ` (${excluded.length} excluded)` : ""),
  ];
  return [
    `Group: ${group.name}`,
    `Contains: ${contents.join(", ")}`,
    ...(subgroups.length > 0 ? ["", "Subgroups:", ...aligned(subgroupRows(subgroups, "  "))] : []),
    ...(servers.length > 0 ? ["", "Servers:", ...branches(some(servers, 40))] : []),
    ...(excluded.length > 0 ? ["", "Excluded:", ...branches(some(exclusions(excluded), MOST_LINES))] : []),
    "",
    alerts.length === 0 ? "Alerts targeting this group: none" : "Alerts targeting this group:",
    ...branches(
      alerts.map(
        ({ name, severity, group: by }) => `${name} (${severity})${by === group.name ? "" : ` by group "${by}"`}`,
      ),
    ),
  ];
}

export function alertPage(alert: AlertApplied): string[] {
  const { exclude, ...target } = (alert.target ?? {}) as Record<string, unknown>;
  const servers = alert.servers.map(({ name, provider, value, state }) => [
    `${name} (${provider ?? NOTHING})`,
    `currently: ${value === null ? NOTHING : value}${state === "unknown" ? "" : `  ${state}`}`,
  ]);
  const excludes = exclude === undefined ? "" : ruleText(exclude as Record<string, unknown>);
  const told = targetText(target);
  return [
    `Alert: ${alert.name}`,
    `Severity: ${alert.severity}`,
    ...wrapped(`Condition: ${alert.condition || NOTHING}${alert.for === "0s" ? "" : ` for ${alert.for}`}`, 2),
    ...wrapped(`Target: ${alert.origin === "auto" ? "auto-generated" : told || "every server"}`, 2),
    `Excludes: ${excludes || "none"}`,
    "",
    `Applies to ${counted(alert.servers.length, "server")}${alert.servers.length > 0 ? ":" : ""}`,
    ...branches(some(aligned(servers), MOST_LINES)),
    ...(alert.excluded.length > 0 ? ["", "Excluded:", ...branches(some(exclusions(alert.excluded), MOST_LINES))] : []),
    ...(alert.rendered.length > 0
      ? [
          "",
          "Rendered to:",
          ...branches(alert.rendered.map(({ backend, place }) => `${BACKEND_NAMES[backend] ?? backend}: ${place}`)),
        ]
      : []),
  ];
}

/** `group "production"`, where a rule is as plain as that. */
function targetText(target: Readonly<Record<string, unknown>>): string {
  const [first, ...others] = Object.entries(target);
  const [key, values] = first ?? ["", null];
  const isPlain = others.length === 0 && Array.isArray(values) && values.length === 1 && key.endsWith("s");
  return isPlain ? `${key.slice(0, -1)} "${String(values[0])}"` : ruleText(target);
}

const BACKEND_NAMES: Readonly<Record<string, string>> = {
  prometheus: "Prometheus",
  nagios: "Naemon",
  cloudwatch: "CloudWatch",
};

export function secretPage(secret: SecretApplied, nowMs: number): string[] {
  const machines = secret.machines.map(({ name, provider, lastFetched }) => [
    `${name} (${provider ?? NOTHING})`,
    `last fetched: ${lastFetched === null ? NOTHING : ago(lastFetched, nowMs)}`,
  ]);
  const operators = (secret.operators ?? []).map(({ name, lastFetched }) => [
    name,
    `last fetched: ${lastFetched === null ? NOTHING : ago(lastFetched, nowMs)}`,
  ]);
  const set = secret.lastRotated === null ? "never" : clockTime(secret.lastRotated);
  return [
    `Secret: ${secret.path}`,
    `Type: ${secret.type}${secret.class === "store" ? "" : `, ${secret.class}`}`,
    `Last set: ${set}${secret.setBy === null ? "" : ` by ${secret.setBy}`}`,
    ...(secret.overlapUntil
      ? [`The value before is valid until ${clockTime(secret.overlapUntil)} (file ${secret.path}.before).`]
      : []),
    "",
    secret.accessibleBy.length === 0
      ? "Accessible by nobody: no label and no code names it."
      : "Accessible by (derived from code):",
    ...secret.accessibleBy.flatMap(({ label, puppetClass, reference }) =>
      wrapped(
        `  ${[`Label "${label}"`, puppetClass === null ? null : `puppet class "${puppetClass}"`, reference].filter((word) => word !== null).join(" → ")}`,
        2,
      ),
    ),
    ...branches(aligned(machines), "    "),
    ...(operators.length === 0 ? [] : ["Readable by operators:", ...branches(aligned(operators), "  ")]),
  ];
}

/** `lab why SERVER ITEM`: one line for each reason. */
export function whyPage(
  server: string,
  found: readonly { readonly what: string; readonly isKeptOut: boolean; readonly from: readonly From[] }[],
): string[] {
  return found.flatMap(({ what, isKeptOut, from }) => [
    `${server} ${isKeptOut ? "is kept out of" : "has"} ${what}:`,
    ...branches(from.map((one) => `${isKeptOut ? "by" : "from"} ${inWords(one)}`)),
  ]);
}

interface Sourced {
  readonly from: readonly From[];
  readonly origin?: "user" | "auto";
}

/** A section whose items stand under what they come from; what comes from two things stands under the first. */
function bySource<T extends Sourced>(title: string, items: readonly T[], text: (item: T) => string): string[] {
  if (items.length === 0) return [];
  const headings = new Map<string, string[]>();
  for (const item of items) {
    const [first] = item.from;
    const isListed = first?.kind === "label" || first?.kind === "group";
    const heading =
      item.origin === "auto" && !isListed
        ? "AUTO-GENERATED"
        : `FROM ${(first?.kind ?? "").toUpperCase()} ${first?.name ?? ""}`;
    headings.set(heading, [
      ...(headings.get(heading) ?? []),
      item.origin === "auto" && isListed ? (text(item).split(" ")[0] ?? "") : text(item),
    ]);
  }
  const order = [...headings].sort(([a], [b]) => rankOf(a) - rankOf(b));
  return [
    `${title} (${items.length}):`,
    ...order.flatMap(([heading, lines]) => [`  ${heading}:`, ...branches(lines, "    ")]),
    "",
  ];
}

/** Labels first, then groups, then what nobody declared. */
function rankOf(heading: string): number {
  return ["FROM LABEL", "FROM GROUP", "FROM"].findIndex((start) => heading.startsWith(start)) >>> 0;
}

function subgroupRows(subgroups: readonly Subgroup[], indent: string): string[][] {
  return subgroups.flatMap(({ name, servers, subgroups: inner }, i) => {
    const isLast = i === subgroups.length - 1;
    return [
      [`${indent}${isLast ? "└──" : "├──"} ${name}`, `(${counted(servers, "server")})`],
      ...subgroupRows(inner, `${indent}${isLast ? "    " : "│   "}`),
    ];
  });
}

function exclusions(excluded: readonly { readonly name: string; readonly by: From }[]): string[] {
  return excluded.map(({ name, by }) => `${name} (${by.kind === "server" ? "by name" : inWords(by)})`);
}

function exclusion({ kind, name, by }: ServerApplied["excludedFrom"][number]): string {
  return `${kind} "${name}" (${by.kind === "server" ? "explicitly excluded" : `by ${inWords(by)}`})`;
}

function because(from: readonly From[]): string {
  return from.length === 0 ? "" : `(from ${from.map(inWords).join(", ")})`;
}

/** The first reason and how many there are besides: `lab why` tells them all. */
function chiefly(from: readonly From[]): string {
  const [first, ...others] = from;
  if (first === undefined) return "";
  return `(from ${inWords(first)}${others.length > 0 ? ` +${others.length}` : ""})`;
}

function inWords({ kind, name }: From): string {
  // Of identity and enrollment the name is the server's own.
  return kind === "identity" || kind === "enrollment" ? kind : `${kind}: ${name}`;
}

function listed(title: string, values: readonly string[]): string[] {
  return wrapped(`${title}${values.length === 0 ? NOTHING : `[${values.join(", ")}]`}`, title.length);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
