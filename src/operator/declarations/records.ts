import { durationMs, printDuration } from "../../core/duration.ts";
import type { Json } from "../../core/json.ts";
import {
  type AlarmChannel,
  type AlarmRoute,
  DEFAULT_TIMEOUT_SECONDS,
  readAlarmRoute,
  type Scope,
  writeAlarmRoute,
} from "../../core/model/alarm-route.ts";
import { readAlert, writeAlert } from "../../core/model/alert.ts";
import { readGroup, writeGroup } from "../../core/model/group.ts";
import { readLabel, writeLabel } from "../../core/model/label.ts";
import type { PuppetClass } from "../../core/model/puppet-class.ts";
import { type JsonMap, told } from "../../core/model/record-reader.ts";
import { type Exclusion, NO_RULE, type Rule } from "../../core/model/rule.ts";
import { readSecretDeclaration, writeSecretDeclaration } from "../../core/model/secret-declaration.ts";
import { readDeclaredServer, writeDeclaredServer } from "../../core/model/server.ts";
import { readSize, writeSize } from "../../core/model/size.ts";
import {
  alarmRoutePath,
  alertPath,
  declaredServerPath,
  groupPath,
  labelPath,
  secretPath,
  sizePath,
} from "../../core/paths.ts";
import { printQuantity, quantityBytes } from "../../core/quantity.ts";
import type {
  AlarmRouteSpec,
  AlertSpec,
  GroupSpec,
  Kind,
  LabelSpec,
  SecretSpec,
  ServerSpec,
  SizeSpec,
} from "../../operations/declarations/registry.ts";

/** Where the record of a declared thing stands. */
export function recordPath(kind: Kind, name: string): string {
  switch (kind) {
    case "label":
      return labelPath(name);
    case "group":
      return groupPath(name);
    case "alert":
      return alertPath(name);
    case "size":
      return sizePath(name);
    case "alarm-route":
      return alarmRoutePath(name);
    case "secret":
      return secretPath(name);
    case "server":
      return declaredServerPath(name);
  }
}

/** What no file can say about a record: whose files declare it, and members that a later release wrote. */
export interface Kept {
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

/** The record that a checked declaration stands for. */
export function toRecord(kind: Kind, spec: unknown, { managedBy, rest }: Kept): Json {
  const kept = { managedBy, rest };
  switch (kind) {
    case "label":
      return fromLabel(spec as LabelSpec, kept);
    case "group":
      return fromGroup(spec as GroupSpec, kept);
    case "alert":
      return fromAlert(spec as AlertSpec, kept);
    case "size":
      return fromSize(spec as SizeSpec, kept);
    case "alarm-route":
      return fromAlarmRoute(spec as AlarmRouteSpec, kept);
    case "secret":
      return fromSecret(spec as SecretSpec, kept);
    case "server":
      return fromServer(spec as ServerSpec, kept);
  }
}

/** The declaration that stands for a record. Members that say nothing are left out. */
export function toSpec(kind: Kind, name: string, value: Json): JsonMap {
  switch (kind) {
    case "label":
      return labelSpecOf(name, value);
    case "group":
      return groupSpecOf(name, value);
    case "alert":
      return alertSpecOf(name, value);
    case "size":
      return sizeSpecOf(name, value);
    case "alarm-route":
      return alarmRouteSpecOf(name, value);
    case "secret":
      return secretSpecOf(name, value);
    case "server":
      return serverSpecOf(name, value);
  }
}

/** What of a record stands in no file. */
export function keptOf(kind: Kind, name: string, value: Json): Kept {
  switch (kind) {
    case "label":
      return readLabel(name, value, []);
    case "group":
      return readGroup(name, value, []);
    case "alert":
      return readAlert(name, value, []);
    case "size":
      return readSize(name, value, []);
    case "alarm-route":
      return readAlarmRoute(name, value, []);
    case "secret":
      return readSecretDeclaration(name, value, []);
    case "server":
      return readDeclaredServer(name, value, []);
  }
}

function fromLabel({ puppet_classes, ports = [], size, alerts = [], secrets = [] }: LabelSpec, kept: Kept): Json {
  return writeLabel({
    puppetClasses: classesOf(puppet_classes),
    ports: distinct(ports),
    size: size ?? null,
    alerts: distinct(alerts),
    secrets: distinct(secrets),
    ...kept,
  });
}

function labelSpecOf(name: string, value: Json): JsonMap {
  const { puppetClasses, ports, size, alerts, secrets } = readLabel(name, value, []);
  return told({ puppet_classes: classSpecs(puppetClasses), ports, size, alerts, secrets });
}

function fromGroup({ match, servers = [], groups = [], exclude, puppet_classes }: GroupSpec, kept: Kept): Json {
  return writeGroup({
    match: match === undefined ? null : ruleOf(match),
    servers: distinct(servers),
    groups: distinct(groups),
    exclude: ruleOf(exclude ?? {}),
    puppetClasses: classesOf(puppet_classes),
    ...kept,
  });
}

function groupSpecOf(name: string, value: Json): JsonMap {
  const { match, servers, groups, exclude, puppetClasses } = readGroup(name, value, []);
  return told({
    match: match === null ? null : ruleSpec(match),
    servers,
    groups,
    exclude: ruleSpec(exclude),
    puppet_classes: classSpecs(puppetClasses),
  });
}

function fromAlert({ target, condition, severity = "warning", for: length }: AlertSpec, kept: Kept): Json {
  const { exclude, ...rule } = target ?? {};
  return writeAlert({
    condition,
    severity,
    forSeconds: secondsOf(length) ?? 0,
    target: target === undefined ? null : ruleOf(rule),
    exclude: ruleOf(exclude ?? {}),
    ...kept,
  });
}

function alertSpecOf(name: string, value: Json): JsonMap {
  const { target, exclude, condition, severity, forSeconds } = readAlert(name, value, []);
  return told({
    target: { ...ruleSpec(target ?? NO_RULE), ...told({ exclude: ruleSpec(exclude) }) },
    condition,
    severity,
    for: forSeconds === 0 ? null : printDuration(forSeconds),
  });
}

function fromAlarmRoute(spec: AlarmRouteSpec, kept: Kept): Json {
  return writeAlarmRoute({
    channel: channelOf(spec),
    kinds: distinct(spec.kinds ?? []),
    severity: spec.severity ?? "info",
    about: scopeOf(spec.about),
    via: scopeOf(spec.via),
    repeatEverySeconds: secondsOf(spec.repeat_every),
    ...kept,
  });
}

function channelOf({ webhook, command, smtp }: AlarmRouteSpec): AlarmChannel | null {
  if (webhook !== undefined) {
    const { url, secret = null, timeout } = webhook;
    return { kind: "webhook", url, secret, timeoutSeconds: secondsOf(timeout) ?? DEFAULT_TIMEOUT_SECONDS };
  }
  if (command !== undefined) {
    const { program, timeout } = command;
    return { kind: "command", program, timeoutSeconds: secondsOf(timeout) ?? DEFAULT_TIMEOUT_SECONDS };
  }
  if (smtp === undefined) return null;
  const { host, port = 587, from, to, tls = "starttls", username = null, password = null, timeout } = smtp;
  const timeoutSeconds = secondsOf(timeout) ?? DEFAULT_TIMEOUT_SECONDS;
  return { kind: "smtp", host, port, from, to: distinct(to), tls, username, password, timeoutSeconds };
}

function alarmRouteSpecOf(name: string, value: Json): JsonMap {
  const { channel, kinds, severity, about, via, repeatEverySeconds } = readAlarmRoute(name, value, []);
  return told({
    ...channelSpec(channel),
    kinds,
    severity: severity === "info" ? null : severity,
    about: scopeSpec(about),
    via: scopeSpec(via),
    repeat_every: printed(repeatEverySeconds, printDuration),
  });
}

function channelSpec(channel: AlarmRoute["channel"]): JsonMap {
  if (channel === null) return {};
  const { kind, timeoutSeconds, ...settings } = channel;
  const timeout = timeoutSeconds === DEFAULT_TIMEOUT_SECONDS ? null : printDuration(timeoutSeconds);
  const usual: JsonMap = { port: 587, tls: "starttls" };
  const said = Object.entries(settings).filter(([key, setting]) => setting !== usual[key]);
  return { [kind]: told({ ...Object.fromEntries(said), timeout }) };
}

function scopeOf(target: AlarmRouteSpec["about"]): Scope | null {
  if (target === undefined) return null;
  const { exclude, ...rule } = target;
  return { rule: ruleOf(rule), exclude: ruleOf(exclude ?? {}) };
}

function scopeSpec(scope: Scope | null): JsonMap | null {
  if (scope === null) return null;
  return { ...ruleSpec(scope.rule), ...told({ exclude: ruleSpec(scope.exclude) }) };
}

function fromSize({ abstract = {}, providers = {} }: SizeSpec, kept: Kept): Json {
  return writeSize({
    cores: abstract.cores ?? null,
    memoryBytes: bytesOf(abstract.memory),
    diskBytes: bytesOf(abstract.disk),
    providers,
    ...kept,
  });
}

function sizeSpecOf(name: string, value: Json): JsonMap {
  const { cores, memoryBytes, diskBytes, providers } = readSize(name, value, []);
  return told({
    abstract: told({ cores, memory: printed(memoryBytes, printQuantity), disk: printed(diskBytes, printQuantity) }),
    providers,
  });
}

function fromSecret(spec: SecretSpec, kept: Kept): Json {
  return writeSecretDeclaration({
    path: "",
    type: spec.type ?? "static",
    class: spec.class ?? "store",
    generator: spec.generator ?? null,
    length: spec.length ?? null,
    alphabet: spec.alphabet ?? null,
    rotateEverySeconds: secondsOf(spec.rotate_every),
    overlapSeconds: secondsOf(spec.overlap),
    perMachine: spec.per_machine ?? false,
    ttlSeconds: secondsOf(spec.ttl),
    maxStaleSeconds: secondsOf(spec.max_stale),
    strict: spec.strict ?? false,
    owner: spec.owner ?? null,
    group: spec.group ?? null,
    mode: spec.mode === undefined ? null : String(spec.mode).padStart(4, "0"),
    readers: distinct(spec.readers ?? []),
    reload: spec.reload ?? null,
    ...kept,
  });
}

function secretSpecOf(path: string, value: Json): JsonMap {
  const secret = readSecretDeclaration(path, value, []);
  return told({
    type: secret.type,
    class: secret.class === "store" ? null : secret.class,
    generator: secret.generator,
    length: secret.length,
    alphabet: secret.alphabet,
    rotate_every: printed(secret.rotateEverySeconds, printDuration),
    overlap: printed(secret.overlapSeconds, printDuration),
    per_machine: secret.perMachine,
    ttl: printed(secret.ttlSeconds, printDuration),
    max_stale: printed(secret.maxStaleSeconds, printDuration),
    strict: secret.strict,
    owner: secret.owner,
    group: secret.group,
    mode: secret.mode,
    readers: secret.readers,
    reload: secret.reload,
  });
}

function fromServer(spec: ServerSpec, kept: Kept): Json {
  return writeDeclaredServer({
    labels: distinct(spec.labels ?? []).sort(),
    environment: spec.environment ?? null,
    region: spec.region ?? null,
    provider: spec.provider ?? null,
    size: spec.size ?? null,
    availability: spec.availability ?? null,
    alarmAfter: spec.alarm_after ?? null,
    puppetClasses: classesOf(spec.puppet_classes),
    disksBytes: (spec.disks ?? []).map((text) => quantityBytes(text) ?? 0),
    ...kept,
  });
}

function serverSpecOf(name: string, value: Json): JsonMap {
  const { labels, puppetClasses, disksBytes, ...server } = readDeclaredServer(name, value, []);
  const { provider, environment, region, size, availability, alarmAfter } = server;
  return told({
    provider,
    labels,
    environment,
    region,
    size,
    puppet_classes: classSpecs(puppetClasses),
    disks: disksBytes.map(printQuantity),
    availability,
    alarm_after: alarmAfter,
  });
}

type Classes = NonNullable<LabelSpec["puppet_classes"]>;

function classesOf(classes: Classes = []): PuppetClass[] {
  return classes.map((one) => {
    if (typeof one === "string") return { name: one, parameters: {} };
    const [only] = Object.entries(one);
    return { name: only?.[0] ?? "", parameters: (only?.[1] ?? {}) as PuppetClass["parameters"] };
  });
}

function classSpecs(classes: readonly PuppetClass[]): Json {
  return classes.map(({ name, parameters }) => (Object.keys(parameters).length === 0 ? name : { [name]: parameters }));
}

type RuleSpec = NonNullable<GroupSpec["match"]> & NonNullable<GroupSpec["exclude"]>;

function ruleOf({ all_labels = [], ...keys }: RuleSpec): Rule {
  const { labels = [], environment = [], region = [], provider = [], servers = [], groups = [] } = keys;
  const rule = { labels, allLabels: all_labels, environment, region, provider, servers, groups };
  return Object.fromEntries(Object.entries(rule).map(([key, values]) => [key, distinct(values)])) as unknown as Rule;
}

function ruleSpec({
  labels,
  environment,
  region,
  provider,
  servers,
  groups,
  ...rest
}: Exclusion & Partial<Rule>): JsonMap {
  return told({ labels, all_labels: rest.allLabels, environment, region, provider, servers, groups });
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

function secondsOf(text: string | undefined): number | null {
  return text === undefined ? null : (durationMs(text) ?? 0) / 1000;
}

function bytesOf(text: string | undefined): number | null {
  return text === undefined ? null : quantityBytes(text);
}

function printed<T>(value: T | null, print: (value: T) => string): string | null {
  return value === null ? null : print(value);
}
