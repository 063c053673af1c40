import { describe, expect, test } from "vitest";
import { LabError } from "../../../src/core/errors.ts";
import { hintsOf, type Known, requireResolved } from "../../../src/operator/declarations/references.ts";
import { read } from "./problems-of.ts";

const NOTHING = new Set<string>();
const KNOWN: Known = {
  names: {
    label: new Set(["web"]),
    group: new Set(["eu", "old"]),
    alert: new Set(["queue_full"]),
    size: new Set(["large"]),
    secret: NOTHING,
    "alarm-route": NOTHING,
    server: new Set(["nas-1"]),
  },
  subgroups: new Map([
    ["eu", ["all"]],
    ["old", ["eu"]],
  ]),
  granted: new Set(["web/tls-cert"]),
};

function refusals(text: string, known: Known | null = KNOWN): string[] {
  try {
    requireResolved(read(text), known);
    return [];
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return [error.message, ...(error.facts.notes ?? [])];
  }
}

describe("a name that stands in a file", () => {
  test("of a group or an alert that is nowhere is refused, with the nearest of all that exist", () => {
    const text = `labels:
  web: { alerts: [queue_ful, node_ready, smtp_conect] }
groups:
  g: { groups: [eu, eau, h], exclude: { groups: old } }
  h:
alerts:
  - { name: a, condition: ssh_up < 1, target: { groups: [g], exclude: { groups: [gg] } } }
`;
    expect(refusals(text)).toEqual([
      "web.yaml:2:19 labels.web.alerts.0 - alert queue_ful is declared nowhere and not in the catalogue, did you mean queue_full?",
      "web.yaml:2:42 labels.web.alerts.2 - alert smtp_conect is declared nowhere and not in the catalogue, did you mean smtp_connect?",
      "web.yaml:4:21 groups.g.groups.1 - group eau is declared nowhere, did you mean eu?",
      "web.yaml:7:82 alerts.0.target.exclude.groups.0 - group gg is declared nowhere, did you mean g?",
    ]);
    // Without anybody to ask it may exist elsewhere.
    expect(refusals(text, null)).toEqual([]);
  });

  test("of a group that contains this one is refused, also when the circle closes in what exists", () => {
    expect(refusals("groups: { a: { groups: b }, b: { groups: [c] }, c: { exclude: { groups: a } } }", null)).toEqual([
      "web.yaml:1:24 groups.a.groups.0 - groups contain each other: a, b, c",
    ]);
    expect(refusals("groups: { me: { groups: me } }", null)).toEqual([
      "web.yaml:1:25 groups.me.groups.0 - groups contain each other: me",
    ]);
    expect(refusals("groups: { all: { groups: [old] } }")).toEqual([
      "web.yaml:1:27 groups.all.groups.0 - groups contain each other: all, eu, old",
    ]);
    // What a file says of a group stands in the place of what is.
    expect(refusals("groups: { all: { groups: [old] }, eu: { match: { region: eu } } }")).toEqual([]);
  });

  test("of a chain of groups is followed however long it is", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => `  g${i}: { groups: g${i + 1} }\n`).join("");
    expect(refusals(`groups:\n${chain}  g20000:\n`, null)).toEqual([]);
  });

  test("of a secret is refused if two would have one name in the environment", () => {
    expect(refusals("labels: { a: { secrets: [web-tls/cert, b/c] } }")).toEqual([
      "web.yaml:1:26 labels.a.secrets.0 - would have the name of web/tls-cert in the environment: LAB_SECRET_WEB_TLS_CERT",
    ]);
    expect(refusals("labels: { a: { secrets: [x/y] }, b: { secrets: [x-y] } }", null)).toHaveLength(1);
    expect(refusals("labels: { a: { secrets: [web/tls-cert] } }")).toEqual([]);
  });

  test("and that no declaration describes is a hint, one for each, and so is an alert for every server", () => {
    const text = `labels:
  web: { size: lage, secrets: [web/tls] }
servers:
  a: { labels: [wbe, coordinator, web] }
  b: { labels: [wbe], size: large }
groups:
  g: { servers: [nas-1, nas-2], match: { labels: ["*"] } }
alerts:
  - { name: down, condition: ssh_up < 1 }
`;
    expect(hintsOf(read(text), KNOWN)).toEqual([
      "web.yaml:2:32 labels.web.secrets.0 - secret web/tls is declared nowhere",
      "web.yaml:2:16 labels.web.size - size lage is declared nowhere, did you mean large?",
      "web.yaml:7:25 groups.g.servers.1 - server nas-2 is declared nowhere, did you mean nas-1?",
      "web.yaml:4:17 servers.a.labels.0 - label wbe is declared nowhere, did you mean web? (2 times)",
      "web.yaml:9:13 alert down has no target: every server",
    ]);
  });
});
