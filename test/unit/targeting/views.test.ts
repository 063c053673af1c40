import { describe, expect, it } from "vitest";
import type { Json } from "../../../src/core/json.ts";
import { fleetOf } from "../../../src/core/model/fleet-reader.ts";
import { alertPath, declaredServerPath, groupPath, labelPath, scanPath, secretPath } from "../../../src/core/paths.ts";
import { parseSelector } from "../../../src/core/selector/term.ts";
import { matchedBy } from "../../../src/core/selector/select.ts";
import { Targeting } from "../../../src/core/targeting/targeting.ts";
import { alertView } from "../../../src/core/targeting/views/alert.ts";
import { groupView } from "../../../src/core/targeting/views/group.ts";
import { labelView } from "../../../src/core/targeting/views/label.ts";
import { secretView } from "../../../src/core/targeting/views/secret.ts";
import { appliedToServer, reasonsInGroup, targetsOfServer } from "../../../src/core/targeting/views/server.ts";
import { handMadeView } from "./hand-made-view.ts";

const reference = { path: "mail/relay", text: "lab::secret('mail/relay')", file: "postfix/manifests/init.pp", line: 2 };

const DESIRED: Readonly<Record<string, Json>> = {
  [labelPath("k8s-worker")]: {
    puppetClasses: ["kubernetes::worker", { name: "containerd", parameters: { version: "1.7" } }],
    size: "large",
    alerts: ["kubelet_healthy"],
    secrets: ["k8s/join-token"],
  },
  [labelPath("production")]: { puppetClasses: ["base::hardening"], ports: [443] },
  [labelPath("mailserver")]: {
    puppetClasses: ["postfix"],
    ports: [25, 443],
    secrets: ["mail/tls-cert"],
    size: "medium",
  },
  [labelPath("*")]: { secrets: ["tls/node-cert"] },
  [groupPath("production")]: { match: { environment: ["prod"] }, exclude: { labels: ["experimental"] } },
  [groupPath("eu-west-compute")]: {
    match: { labels: ["k8s-worker"], region: ["eu-west"] },
    exclude: { servers: ["worker-3"] },
  },
  [groupPath("eu")]: {
    groups: ["eu-west-compute", "production"],
    servers: ["mail-1"],
    puppetClasses: [{ name: "containerd", parameters: { version: "2.0" } }],
  },
  [alertPath("disk_space_low")]: {
    condition: "disk_usage_percent > 85",
    target: { groups: ["production"] },
    forSeconds: 300,
  },
  [alertPath("memory_pressure")]: {
    condition: "memory_usage_percent > 90",
    target: { labels: ["k8s-worker"], exclude: { servers: ["worker-5"] } },
  },
  [secretPath("k8s/join-token")]: { type: "dynamic", generator: "kubernetes" },
  [secretPath("tls/node-cert")]: { type: "dynamic", generator: "ca", perMachine: true },
  [scanPath("postfix")]: { references: [reference], tree: "00" },
  [declaredServerPath("worker-9")]: { labels: ["k8s-worker"], environment: "prod", region: "eu-west" },
};

const worker = (attributes: Record<string, string>, ...labels: string[]) => ({ labels, attributes });
const EU = { environment: "prod", region: "eu-west" };
const targeting = Targeting.of(
  fleetOf(
    handMadeView(
      {
        "worker-3": worker(EU, "k8s-worker"),
        "worker-5": worker(EU, "k8s-worker", "production"),
        "mail-1": worker({ environment: "prod" }, "mailserver"),
        "test-1": worker(EU, "experimental", "mailserver", "k8s-worker"),
      },
      DESIRED,
    ),
  ),
);
const place = (name: string) => targeting.index.place(name) as number;
const label = (name: string) => ({ kind: "label", name });

describe("what is shown of targeting", () => {
  it("a server has everything that applies to it, each with what it comes from", () => {
    expect(appliedToServer(targeting, place("worker-5"))).toEqual({
      groups: ["eu", "eu-west-compute", "production"],
      puppetClasses: [
        { name: "kubernetes::worker", parameters: {}, from: [label("k8s-worker")] },
        {
          name: "containerd",
          parameters: { version: "2.0" },
          from: [label("k8s-worker"), { kind: "group", name: "eu" }],
        },
        { name: "base::hardening", parameters: {}, from: [label("production")] },
      ],
      alerts: [
        {
          name: "cert_expiry",
          severity: "warning",
          origin: "auto",
          from: [{ kind: "identity", name: "worker-5" }],
          state: "unknown",
        },
        {
          name: "cpu_threshold",
          severity: "warning",
          origin: "auto",
          from: [{ kind: "size", name: "large" }],
          state: "unknown",
        },
        {
          name: "disk_space_low",
          severity: "warning",
          origin: "user",
          from: [{ kind: "group", name: "production" }],
          state: "unknown",
        },
        {
          name: "https_health",
          severity: "critical",
          origin: "auto",
          from: [{ kind: "port", name: "443" }],
          state: "unknown",
        },
        {
          name: "kubelet_healthy",
          severity: "critical",
          origin: "auto",
          from: [label("k8s-worker")],
          state: "unknown",
        },
        {
          name: "memory_threshold",
          severity: "warning",
          origin: "auto",
          from: [{ kind: "size", name: "large" }],
          state: "unknown",
        },
        {
          name: "puppet_run_failed",
          severity: "warning",
          origin: "auto",
          from: [{ kind: "enrollment", name: "worker-5" }],
          state: "unknown",
        },
      ],
      secrets: [
        { path: "k8s/join-token", access: "read", from: [label("k8s-worker")] },
        { path: "tls/node-cert", access: "dynamic", from: [label("*")] },
      ],
      ports: [{ port: 443, from: [label("production")] }],
      excludedFrom: [{ kind: "alert", name: "memory_pressure", by: { kind: "server", name: "worker-5" } }],
    });
    expect(appliedToServer(targeting, place("worker-3")).excludedFrom).toEqual([
      { kind: "group", name: "eu-west-compute", by: { kind: "server", name: "worker-3" } },
    ]);
  });

  it("what targets a server names the same things, and whether it is a member of anything yet changes no group", () => {
    expect(targetsOfServer(targeting, place("mail-1"))).toEqual({
      labels: ["mailserver"],
      groups: ["eu", "production"],
      environment: "prod",
      alerts: expect.arrayContaining([{ name: "disk_space_low", from: [{ kind: "group", name: "production" }] }]),
      puppetClasses: [
        { name: "postfix", from: [label("mailserver")] },
        { name: "containerd", from: [{ kind: "group", name: "eu" }] },
      ],
      secrets: [
        { path: "mail/relay", from: [label("mailserver"), { kind: "class", name: "postfix", label: "mailserver" }] },
        { path: "mail/tls-cert", from: [label("mailserver")] },
        { path: "tls/node-cert", from: [label("*")] },
      ],
    });
    const pending = targetsOfServer(targeting, place("worker-9"));
    expect(pending.groups).toEqual(["eu", "eu-west-compute", "production"]);
    expect(pending.alerts.map(({ name }) => name)).not.toContain("cert_expiry");
  });

  it("a server is in a group by its attributes, by name, by a subgroup, and not at all where it is not", () => {
    expect(reasonsInGroup(targeting, "eu-west-compute", place("worker-5"))).toEqual([
      label("k8s-worker"),
      { kind: "region", name: "eu-west" },
    ]);
    expect(reasonsInGroup(targeting, "eu", place("mail-1"))).toEqual([
      { kind: "server", name: "mail-1" },
      { kind: "group", name: "production" },
    ]);
    expect(reasonsInGroup(targeting, "eu-west-compute", place("worker-3"))).toEqual([]);
    expect(reasonsInGroup(targeting, "nothing", place("worker-3"))).toEqual([]);
  });

  it("a label has its servers and what it brings", () => {
    expect(labelView(targeting, "mailserver")).toEqual({
      name: "mailserver",
      servers: ["mail-1", "test-1"],
      puppetClasses: [{ name: "postfix", parameters: {} }],
      alerts: [],
      secrets: ["mail/tls-cert", "mail/relay"],
      ports: [25, 443],
      size: "medium",
      targetedBy: [],
    });
    expect(labelView(targeting, "k8s-worker")).toMatchObject({ targetedBy: ["memory_pressure"] });
    expect(labelView(targeting, "experimental")).toMatchObject({ servers: ["test-1"], puppetClasses: [] });
    expect(labelView(targeting, "nothing")).toBeNull();
  });

  it("a group has its subgroups, its members, whom it leaves out, and the alerts that mean it or what contains it", () => {
    expect(groupView(targeting, "production")).toEqual({
      name: "production",
      groups: [],
      servers: ["mail-1", "worker-3", "worker-5", "worker-9"],
      excluded: [{ name: "test-1", by: label("experimental") }],
      alerts: [{ name: "disk_space_low", severity: "warning", group: "production" }],
      subgroups: [],
    });
    expect(groupView(targeting, "eu")).toMatchObject({
      groups: ["eu-west-compute", "production"],
      subgroups: [
        { name: "eu-west-compute", servers: 3, subgroups: [] },
        { name: "production", servers: 4, subgroups: [] },
      ],
    });
    expect(groupView(targeting, "nothing")).toBeNull();
  });

  it("an alert has its rule as declared, its servers and whom it leaves out", () => {
    expect(alertView(targeting, "memory_pressure")).toEqual({
      name: "memory_pressure",
      severity: "warning",
      condition: "memory_usage_percent > 90",
      for: "0s",
      origin: "user",
      target: { labels: ["k8s-worker"], exclude: { servers: ["worker-5"] } },
      servers: ["test-1", "worker-3", "worker-9"].map((name) => ({ name, state: "unknown", value: null })),
      excluded: [{ name: "worker-5", by: { kind: "server", name: "worker-5" } }],
    });
    expect(alertView(targeting, "disk_space_low")).toMatchObject({ for: "5m", target: { groups: ["production"] } });
    expect(alertView(targeting, "cert_expiry")).toMatchObject({ origin: "auto", target: null });
    expect(alertView(targeting, "nothing")).toBeNull();
  });

  it("a secret has every way to it, and the machines that may go it", () => {
    expect(secretView(targeting, "mail/relay")).toEqual({
      path: "mail/relay",
      type: "static",
      class: "store",
      accessibleBy: [
        {
          label: "mailserver",
          puppetClass: "postfix",
          reference: "lab::secret('mail/relay')",
          place: "postfix/manifests/init.pp:2",
        },
      ],
      machines: [
        { name: "mail-1", lastFetched: null },
        { name: "test-1", lastFetched: null },
      ],
    });
    // Who is only declared reads nothing yet.
    expect(secretView(targeting, "k8s/join-token")?.machines.map(({ name }) => name)).toEqual([
      "test-1",
      "worker-3",
      "worker-5",
    ]);
    expect(secretView(targeting, "nothing/here")).toBeNull();
  });

  it("a selector says what of each server it was that matched", () => {
    const server = {
      ...{ name: "web-1", labels: ["web", "pxe"], groups: ["eu"], region: "eu", online: "yes" },
      ...Object.fromEntries(
        ["sync", "puppet", "health", "identity"].map((name) => [name, { state: "ok", detail: "" }]),
      ),
    } as unknown as Parameters<typeof matchedBy>[1];
    expect(matchedBy(parseSelector("web,!db,region in (eu,us),group=eu"), server)).toEqual([
      label("web"),
      { kind: "region", name: "eu" },
      { kind: "group", name: "eu" },
    ]);
  });

  it("two labels that disagree about the size of a server leave it unknown, and say so", () => {
    expect(targeting.sizes.of(place("test-1"))).toEqual({ state: "clash", labels: ["k8s-worker", "mailserver"] });
    expect(targeting.sizes.shown(place("test-1"))).toBe("unknown");
    const clashes = targeting.diagnostics.filter(({ code }) => code === "clash");
    expect(clashes.map(({ message }) => message)).toEqual([
      "labels k8s-worker (large), mailserver (medium) disagree about the size of 1 server (test-1); " +
        "it is unknown until the server says",
    ]);
  });
});
