import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../../src/core/json.ts";
import { readAlert, writeAlert } from "../../../src/core/model/alert.ts";
import type { Diagnostic } from "../../../src/core/model/diagnostic.ts";
import { fleetOf } from "../../../src/core/model/fleet-reader.ts";
import { readGroup, writeGroup } from "../../../src/core/model/group.ts";
import { readLabel, writeLabel } from "../../../src/core/model/label.ts";
import { readClassScan, writeClassScan } from "../../../src/core/model/scan.ts";
import { readSecretDeclaration, writeSecretDeclaration } from "../../../src/core/model/secret-declaration.ts";
import { readDeclaredServer, writeDeclaredServer } from "../../../src/core/model/server.ts";
import { readSize, writeSize } from "../../../src/core/model/size.ts";
import {
  alertPath,
  groupPath,
  labelPath,
  declaredServerPath,
  scanPath,
  secretPath,
  sizePath,
} from "../../../src/core/paths.ts";
import { handMadeView } from "./hand-made-view.ts";

/** Each record as it stands in a ledger, with members that only a later release knows. */
const RECORDS: Readonly<Record<string, readonly [Json, (name: string, value: Json, problems: Diagnostic[]) => Json]>> =
  {
    label: [
      {
        puppetClasses: ["postfix", { name: "dovecot", parameters: { ssl: true } }],
        ports: [25, 993],
        size: "medium",
        alerts: ["smtp_connect"],
        secrets: ["mail/tls-cert"],
        managedBy: "homelab",
        image: "org/mail",
      },
      (...args) => writeLabel(readLabel(...args)),
    ],
    group: [
      {
        match: {
          labels: ["k8s-worker", "*"],
          allLabels: ["arm"],
          environment: ["prod"],
          region: ["eu"],
          provider: ["aws"],
        },
        servers: ["db-1"],
        groups: ["eu-west"],
        exclude: { servers: ["legacy-3"], labels: ["experimental"], environment: ["staging"], groups: ["old"] },
        puppetClasses: [{ name: "ntp", parameters: { servers: ["a", "b"] } }],
        colour: "green",
      },
      (...args) => writeGroup(readGroup(...args)),
    ],
    alert: [
      {
        condition: "disk_usage_percent > 85",
        severity: "critical",
        forSeconds: 300,
        target: { groups: ["production"], exclude: { servers: ["batch-1"] } },
        runbook: { url: "x" },
      },
      (...args) => writeAlert(readAlert(...args)),
    ],
    size: [
      {
        abstract: { cores: 4, memoryBytes: 8e9, diskBytes: 5e11 },
        providers: { aws: { instance_type: "t3.large" }, xcpng: { cores: 4, memory: "8192MB" } },
        gpu: 1,
      },
      (...args) => writeSize(readSize(...args)),
    ],
    secret: [
      {
        type: "dynamic",
        class: "sealed",
        generator: "acme",
        rotateEverySeconds: 7_776_000,
        overlapSeconds: 60,
        perMachine: true,
        ttlSeconds: 1,
        maxStaleSeconds: 2,
        strict: true,
        owner: "postfix",
        group: "mail",
        mode: "0640",
        readers: ["dovecot"],
        reload: "postfix.service",
        hint: "x",
      },
      (...args) => writeSecretDeclaration(readSecretDeclaration(...args)),
    ],
    class: [
      {
        references: [
          { path: "mail/tls-cert", text: "lab::secret('mail/tls-cert')", file: "postfix/manifests/init.pp", line: 2 },
          { path: "mail/dkim", via: "postfix::dkim", text: "lab::secret('mail/dkim')", file: "x.pp", line: 9 },
        ],
        tree: "ab".repeat(32),
        branch: "main",
      },
      (...args) => writeClassScan(readClassScan(...args)),
    ],
    server: [
      {
        labels: ["web"],
        environment: "prod",
        region: "eu",
        provider: "aws",
        size: "large",
        availability: "intermittent",
        alarmAfter: "5m",
        puppetClasses: ["nginx"],
        disksBytes: [5e11],
        rack: 4,
      },
      (...args) => writeDeclaredServer(readDeclaredServer(...args)),
    ],
  };

describe("a record", () => {
  it.each(Object.entries(RECORDS))(
    "of a %s is written as it was read, with members of a later release",
    (name, [value, copy]) => {
      const problems: Diagnostic[] = [];
      expect(copy(name, value, problems)).toEqual(value);
      expect(problems).toEqual([]);
    },
  );

  it.each(Object.entries(RECORDS))(
    "of a %s may hold anything and is read all the same, alike each time",
    (name, [value, copy]) => {
      const members = fc.dictionary(fc.constantFrom(...Object.keys(value as object)), fc.jsonValue({ maxDepth: 4 }));
      fc.assert(
        fc.property(fc.oneof(members, fc.jsonValue()), (hostile) => {
          const problems: Diagnostic[] = [];
          const once = copy(name, hostile as Json, problems);
          // What was understood is understood again, and nothing is left to complain about but what was kept unread.
          expect(copy(name, once, [])).toEqual(once);
          const again: Diagnostic[] = [];
          expect(copy(name, hostile as Json, again)).toEqual(once);
          expect(again).toEqual(problems);
        }),
        { numRuns: 60 },
      );
    },
  );

  it("says what of it is malformed, and takes the rest", () => {
    const problems: Diagnostic[] = [];
    const label = readLabel(
      "web",
      { ports: [80, 0, "x"], secrets: "web/tls", alerts: ["Up", "up"], size: 3 },
      problems,
    );
    expect(label).toMatchObject({ ports: [80], secrets: [], alerts: ["up"], size: null });
    expect(problems.map(({ message }) => message)).toEqual([
      "ports[1] is not a port and counts as absent",
      "ports[2] is not a port and counts as absent",
      "size is not a text and counts as absent",
      "alerts[0] is not the name of an alert and counts as absent",
      "secrets is not a list and counts as absent",
    ]);
  });
});

describe("a fleet", () => {
  const view = handMadeView(
    {
      "web-1": { labels: ["web"], roles: ["pxe"], attributes: { environment: "prod", alarm_after: "5m" } },
      "old-1": { state: "cut" },
      "web-2": { state: "suspended" },
      "web-3": { naming: "contested" },
    },
    {
      [labelPath("web")]: { ports: [80] },
      [groupPath("prod")]: { match: { environment: ["prod"] } },
      [alertPath("disk_low")]: { condition: "disk_usage_percent > 85" },
      [sizePath("small")]: { abstract: { cores: 1 } },
      [secretPath("web/tls")]: { type: "static" },
      [scanPath("nginx")]: { references: [], tree: "00" },
      [declaredServerPath("web-9")]: { labels: ["web", "arm"], region: "eu" },
      [declaredServerPath("web-1")]: {
        labels: ["db"],
        puppetClasses: [{ name: "nginx::vhost", parameters: { port: 80 } }],
        disksBytes: [500e9],
        managedBy: "homelab",
      },
      [declaredServerPath("web-3")]: { labels: ["db"] },
      [labelPath("broken")]: 7,
    },
  );

  it("has the members and those that are declared, but nobody who was cut", () => {
    const { servers } = fleetOf(view);
    expect(servers.map(({ name, standing }) => [name, standing])).toEqual([
      ["web-1", "enrolled"],
      ["web-2", "suspended"],
      ["web-3", "contested"],
      ["web-9", "pending"],
    ]);
    expect(servers[0]).toMatchObject({
      labels: ["pxe", "web"],
      environment: "prod",
      alarmAfter: "5m",
      puppetClasses: [{ name: "nginx::vhost", parameters: { port: 80 } }],
      disksBytes: [500e9],
      managedBy: "homelab",
      declared: true,
    });
    expect(servers[1]).toMatchObject({ managedBy: null, declared: false });
    // What is declared of a name is for the member that owns it.
    expect(servers[2]).toMatchObject({ declared: false });
    expect(servers[3]).toMatchObject({ id: null, labels: ["arm", "web"], region: "eu" });
  });

  it("has every kind of record by name, and tells of the one that is none", () => {
    const fleet = fleetOf(view);
    expect(
      [fleet.labels, fleet.groups, fleet.alerts, fleet.sizes, fleet.secrets, fleet.scans].map(({ size }) => size),
    ).toEqual([2, 1, 1, 1, 1, 1]);
    expect(fleet.problems).toEqual([
      { code: "malformed", kind: "label", name: "broken", message: "it is not a map and counts as absent" },
    ]);
  });
});
