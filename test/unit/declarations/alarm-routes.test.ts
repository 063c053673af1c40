import { describe, expect, test } from "vitest";
import type { Json } from "../../../src/core/json.ts";
import { readAlarmRoute, secretsOf } from "../../../src/core/model/alarm-route.ts";
import type { Diagnostic } from "../../../src/core/model/diagnostic.ts";
import { envelopeOf } from "../../../src/operator/declarations/envelope.ts";
import { toRecord, toSpec } from "../../../src/operator/declarations/records.ts";
import { problemsOf, read } from "./problems-of.ts";

function recordOf(route: string): Json {
  const spec = read(`alarm_routes: { r: ${route} }`).get("alarm-route")?.get("r")?.spec;
  return toRecord("alarm-route", spec, { managedBy: null, rest: {} });
}

function refusalOf(route: string): string {
  return problemsOf(`alarm_routes: { r: ${route} }`).join(" | ");
}

describe("a declared route of alarms", () => {
  test.each([
    `{ webhook: { url: "https://hooks.example.org/lab?team=a", secret: alarms/key, timeout: 5s } }`,
    `{ command: { program: page-me } , kinds: [unreachable, isolated], severity: critical, repeat_every: 4h }`,
    `{ smtp: { host: mail.lan, port: 465, tls: implicit, from: lab@lan.example, to: [a@example.org, b@example.org], username: lab, password: mail/lab } }`,
    `{ command: { program: page-me }, about: { labels: [prod], exclude: { servers: [web-2] } }, via: { servers: [nas-1] } }`,
  ])("is read back as it was written: %s", (text) => {
    const record = recordOf(text);
    const spec = toSpec("alarm-route", "r", record);
    expect(toRecord("alarm-route", spec, { managedBy: null, rest: {} })).toEqual(record);
    expect(spec).toEqual(read(`alarm_routes: { r: ${text} }`).get("alarm-route")?.get("r")?.spec);
    const problems: Diagnostic[] = [];
    readAlarmRoute("r", record, problems);
    expect(problems).toEqual([]);
  });

  test("stands in an envelope of its kind", () => {
    const record = recordOf("{ command: { program: page-me } }");
    const state = { records: { "alarm-route/r": record } } as unknown as Parameters<typeof envelopeOf>[2];
    expect(envelopeOf("alarm-route", "r", state)).toMatchObject({ kind: "AlarmRoute", metadata: { name: "r" } });
  });

  test.each([
    ["{ }", /exactly one of webhook, command, smtp/],
    [`{ webhook: { url: "https://a.example" }, command: { program: x } }`, /exactly one of/],
    [`{ webhook: { url: "file:///etc/shadow" } }`, /not an http or https address/],
    [`{ webhook: { url: "https://me:pass@a.example" } }`, /has a password in it/],
    [`{ webhook: { url: "https://a.example", timeout: 2m } }`, /between 1s and 15s/],
    ["{ command: { program: ../../bin/sh } }", /not the name of a program/],
    [`{ command: { program: "page me" } }`, /not the name of a program/],
    [`{ smtp: { host: m, from: "a@b.example\\r\\nBcc: c@d.example", to: a@b.example } }`, /is not an address/],
    [`{ smtp: { host: m, from: a@b.example, to: "a@b.example, c@d.example" } }`, /is not an address/],
    ["{ smtp: { host: m, from: a@b.example, to: [] } }", /at least one address/],
    ["{ smtp: { host: m, from: a@b.example, to: c@d.example, username: me } }", /belong together/],
    [
      "{ smtp: { host: m, from: a@b.example, to: c@d.example, username: me, password: a/b, tls: none } }",
      /without TLS/,
    ],
    ["{ command: { program: x }, kinds: [unreachabel] }", /unreachable/],
    ["{ command: { program: x }, repeat_every: 5s }", /at least 1m/],
  ])("is refused: %s", (text, why) => {
    expect(refusalOf(text)).toMatch(why);
  });

  test("names the secrets that whoever delivers has to read", () => {
    const named = (text: string) => secretsOf(readAlarmRoute("r", recordOf(text), []));
    expect(named(`{ webhook: { url: "https://a.example", secret: alarms/key } }`)).toEqual(["alarms/key"]);
    expect(named("{ command: { program: x } }")).toEqual([]);
  });

  test("tells nobody, and says so, when another release wrote a channel that this one does not know", () => {
    const problems: Diagnostic[] = [];
    const route = readAlarmRoute("r", { pager: { number: 7 }, kinds: ["unreachable", "unheard-of"] }, problems);
    expect(route).toMatchObject({ channel: null, kinds: ["unreachable"], rest: { pager: { number: 7 } } });
    expect(problems.map(({ message }) => message).sort()).toEqual([
      "it names no webhook, command or smtp that can be understood, and tells nobody",
      "kinds[1] is not a kind of alarm and counts as absent",
    ]);
  });
});
