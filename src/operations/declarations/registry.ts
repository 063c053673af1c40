import * as z from "zod";
import { LABEL_NAME, SECRET_PATH, SERVER_NAME } from "../../core/names.ts";
import { alarmRouteSpec } from "./alarm-route.ts";
import { alertSpec } from "./alert.ts";
import { emptyable, groupName } from "./fields.ts";
import { groupSpec } from "./group.ts";
import { labelSpec } from "./label.ts";
import { secretSpec } from "./secret.ts";
import { serverSpec } from "./server.ts";
import { sizeSpec } from "./size.ts";

/**
 * What can be declared: one entry for each kind. Validation, types, the JSON Schema for editors, OpenAPI, `lab explain`
 * and the reference are made of it.
 */
export interface DeclaredKind<T extends z.ZodType = z.ZodType> {
  /** As the envelope names it. */
  readonly kind: string;
  /** As commands name one; a record stands at `<singular>/<name>`, but for servers. */
  readonly singular: Kind;
  /** As the shorthand names all of them. */
  readonly section: string;
  /** What is wrong with a name; null if nothing is. */
  readonly nameProblem: (name: string) => string | null;
  readonly spec: T;
  /** In shorthand. */
  readonly example: string;
}

export type Kind = "label" | "group" | "alert" | "size" | "secret" | "server" | "alarm-route";

const LETTERS = "lower-case letters, digits, dots, hyphens and underscores, at most 63";

function named(what: string, pattern: RegExp, letters: string): (name: string) => string | null {
  return (name) => (pattern.test(name) ? null : `is not ${what}: ${letters}`);
}

function define<T extends z.ZodType>(kind: DeclaredKind<T>): DeclaredKind<T> {
  return kind;
}

const isLabel = named("a label", LABEL_NAME, LETTERS);

export const label = define({
  kind: "Label",
  singular: "label",
  section: "labels",
  nameProblem: (name) => (name === "*" ? null : isLabel(name)),
  spec: labelSpec,
  example: `labels:
  mailserver:
    puppet_classes: [postfix, { dovecot: { ssl: true } }]
    ports: [25, 587, 993]
    size: medium
    alerts: [smtp_connect, mail_queue_length]
    secrets: [mail/tls-cert]
`,
});

export const group = define({
  kind: "Group",
  singular: "group",
  section: "groups",
  nameProblem: named("a group", LABEL_NAME, LETTERS),
  spec: groupSpec,
  example: `groups:
  production: { match: { environment: prod } }
  eu-west-compute:
    match: { labels: [k8s-worker, k8s-server], region: eu-west }
    exclude: { servers: [legacy-node-3] }
`,
});

export const alert = define({
  kind: "Alert",
  singular: "alert",
  section: "alerts",
  nameProblem: named("the name of an alert", LABEL_NAME, LETTERS),
  spec: alertSpec,
  example: `alerts:
  - name: disk_space_low
    target: { groups: [production] }
    condition: disk_usage_percent > 85
    severity: warning
    for: 5m
`,
});

export const size = define({
  kind: "Size",
  singular: "size",
  section: "sizes",
  nameProblem: named("a size", LABEL_NAME, LETTERS),
  spec: sizeSpec,
  example: `sizes:
  medium:
    abstract: { cores: 4, memory: 8GB }
    providers:
      aws: { instance_type: t3.large }
      baremetal: { min_cores: 4, min_memory: 8GB, maas_tag: medium }
`,
});

export const secret = define({
  kind: "Secret",
  singular: "secret",
  section: "secrets",
  nameProblem: named("a secret's path", SECRET_PATH, "lower-case parts joined by slashes, such as web/tls"),
  spec: secretSpec,
  example: `secrets:
  mail/tls-cert: { type: dynamic, generator: acme, rotate_every: 90d }
  mail/dkim-key: { type: static }
`,
});

export const server = define({
  kind: "Server",
  singular: "server",
  section: "servers",
  nameProblem: named("a server name", SERVER_NAME, "lower-case letters, digits and hyphens, at most 63"),
  spec: serverSpec,
  example: `servers:
  db-1: { provider: baremetal, labels: [postgres], environment: prod, size: large, disks: [500GB] }
`,
});

export const alarmRoute = define({
  kind: "AlarmRoute",
  singular: "alarm-route",
  section: "alarm_routes",
  nameProblem: named("the name of a route", LABEL_NAME, LETTERS),
  spec: alarmRouteSpec,
  example: `alarm_routes:
  on-call:
    webhook: { url: "https://alarms.example.org/lab", secret: alarms/signing-key }
    severity: critical
    repeat_every: 4h
  mail:
    smtp: { host: mail.example.org, from: lab@example.org, to: [ops@example.org] }
    about: { labels: [production] }
`,
});

/** In the order in which they are explained: what others are made of comes first. */
export const declaredKinds = [label, group, alert, size, secret, server, alarmRoute] as const;

export type LabelSpec = z.output<typeof labelSpec>;
export type GroupSpec = z.output<typeof groupSpec>;
export type AlertSpec = z.output<typeof alertSpec>;
export type SizeSpec = z.output<typeof sizeSpec>;
export type SecretSpec = z.output<typeof secretSpec>;
export type AlarmRouteSpec = z.output<typeof alarmRouteSpec>;
export type ServerSpec = z.output<typeof serverSpec>;

/** One document: sections of the shorthand, or the envelope of one record. For editors; the reader goes item by item. */
export function documentSchema(): z.ZodType {
  const sections = declaredKinds.map(({ section, spec }) => [section, sectionSchema(spec).optional()] as const);
  const $schema = z.string().optional();
  const shorthand = z.strictObject({ ...Object.fromEntries(sections), $schema });
  const envelopes = declaredKinds.map(({ kind, spec }) => {
    const metadata = z.strictObject({ name: z.string() });
    return z.strictObject({ kind: z.literal(kind), metadata, spec: emptyable(spec).optional(), $schema });
  });
  return z.union([shorthand, ...envelopes]);
}

function sectionSchema(spec: (typeof declaredKinds)[number]["spec"]): z.ZodType {
  if (spec === alertSpec) return z.array(alertSpec.extend({ name: groupName.describe("Its name.") }));
  return emptyable(z.record(z.string(), emptyable(spec as z.ZodType)));
}
