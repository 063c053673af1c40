import { ALARM_KINDS, type AlarmKind } from "../alarms/kinds.ts";
import type { Json } from "../json.ts";
import { SEVERITIES, type Severity } from "./alert.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { type JsonMap, RecordReader, told } from "./record-reader.ts";
import { type Exclusion, NO_RULE, type Rule, readExclusion, readRule, writeRule } from "./rule.ts";

export const SMTP_TLS = ["starttls", "implicit", "none"] as const;

/**
 * How an alarm reaches a person.
 * - `webhook`: a POST of JSON; with a secret it is signed
 * - `command`: a program that stands in `alarm.d/` of a home, by name, with the JSON on its standard input
 * - `smtp`: a mail
 */
export type AlarmChannel =
  | {
      readonly kind: "webhook";
      readonly url: string;
      /** Path of the secret that signs. */
      readonly secret: string | null;
      readonly timeoutSeconds: number;
    }
  | { readonly kind: "command"; readonly program: string; readonly timeoutSeconds: number }
  | {
      readonly kind: "smtp";
      readonly host: string;
      readonly port: number;
      readonly from: string;
      readonly to: readonly string[];
      readonly tls: (typeof SMTP_TLS)[number];
      readonly username: string | null;
      /** Path of the secret that is the password. */
      readonly password: string | null;
      readonly timeoutSeconds: number;
    };

/** Servers that a rule matches and its exclusion does not; null is all of them. */
export interface Scope {
  readonly rule: Rule;
  readonly exclude: Exclusion;
}

/** Which alarms are told whom, and how. Stands at `alarm-route/<name>`. */
export interface AlarmRoute {
  readonly name: string;
  /** Null where the record names none that this release knows: such a route tells nobody. */
  readonly channel: AlarmChannel | null;
  /** Empty is every kind. */
  readonly kinds: readonly AlarmKind[];
  /** The least severe that it tells. */
  readonly severity: Severity;
  /** Only alarms about such servers; null is any alarm, about a server or not. */
  readonly about: Scope | null;
  /** Which servers may deliver; null is every one that can. */
  readonly via: Scope | null;
  /** How often it is told again while nobody acknowledges it; null is once. */
  readonly repeatEverySeconds: number | null;
  readonly managedBy: string | null;
  readonly rest: JsonMap;
}

export const DEFAULT_TIMEOUT_SECONDS = 10;
/** Less than a turn: whoever is next in line does not begin before. */
export const MOST_TIMEOUT_SECONDS = 15;

export function readAlarmRoute(name: string, value: Json, problems: Diagnostic[]): AlarmRoute {
  const reader = new RecordReader("alarm-route", name, value, problems);
  const channel = readChannel(reader);
  if (channel === null) {
    const message = "it names no webhook, command or smtp that can be understood, and tells nobody";
    problems.push({ code: "malformed", kind: "alarm-route", name, message });
  }
  return {
    name,
    channel,
    kinds: reader.texts("kinds", "a kind of alarm", (text) =>
      (ALARM_KINDS as readonly string[]).includes(text),
    ) as AlarmKind[],
    severity: reader.word("severity", SEVERITIES) ?? "info",
    about: readScope(reader.inner("about")),
    via: readScope(reader.inner("via")),
    repeatEverySeconds: reader.amount("repeatEverySeconds"),
    managedBy: reader.text("managedBy"),
    rest: reader.rest(),
  };
}

export function writeAlarmRoute(route: Omit<AlarmRoute, "name">): Json {
  const { channel, kinds, severity, about, via, repeatEverySeconds, managedBy, rest } = route;
  const { kind, ...settings } = channel ?? { kind: "" };
  return told({
    ...rest,
    ...(channel === null ? {} : { [kind]: told(settings as JsonMap) }),
    kinds,
    severity,
    about: writeScope(about),
    via: writeScope(via),
    repeatEverySeconds,
    managedBy,
  });
}

/** Paths of the secrets that a member needs to deliver by this route. */
export function secretsOf({ channel }: Pick<AlarmRoute, "channel">): readonly string[] {
  switch (channel?.kind) {
    case "webhook":
      return channel.secret === null ? [] : [channel.secret];
    case "smtp":
      return channel.password === null ? [] : [channel.password];
    case "command":
    case undefined:
      return [];
  }
}

function readChannel(reader: RecordReader): AlarmChannel | null {
  const [webhook, command, smtp] = [reader.inner("webhook"), reader.inner("command"), reader.inner("smtp")];
  const timeout = (inner: RecordReader): number =>
    Math.min(inner.amount("timeoutSeconds") ?? DEFAULT_TIMEOUT_SECONDS, MOST_TIMEOUT_SECONDS);
  if (webhook !== null) {
    const url = webhook.text("url");
    const secret = webhook.text("secret");
    return url === null ? null : { kind: "webhook", url, secret, timeoutSeconds: timeout(webhook) };
  }
  if (command !== null) {
    const program = command.text("program");
    return program === null ? null : { kind: "command", program, timeoutSeconds: timeout(command) };
  }
  if (smtp === null) return null;
  const [host, from] = [smtp.text("host"), smtp.text("from")];
  const to = smtp.texts("to", "an address", () => true);
  if (host === null || from === null || to.length === 0) return null;
  return {
    kind: "smtp",
    host,
    port: smtp.amount("port") ?? 587,
    from,
    to,
    tls: smtp.word("tls", SMTP_TLS) ?? "starttls",
    username: smtp.text("username"),
    password: smtp.text("password"),
    timeoutSeconds: timeout(smtp),
  };
}

function readScope(reader: RecordReader | null): Scope | null {
  if (reader === null) return null;
  const exclude = reader.inner("exclude");
  return { rule: readRule(reader) ?? NO_RULE, exclude: exclude === null ? NO_RULE : readExclusion(exclude) };
}

function writeScope(scope: Scope | null): Json {
  return scope === null ? null : writeRule(scope.rule, told({ exclude: writeRule(scope.exclude) }));
}
