import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  alertPage,
  groupPage,
  labelPage,
  secretPage,
  serverPage,
  targetsPage,
  whyPage,
} from "../../../src/cli/render/applied.ts";
import { displayWidth } from "../../../src/cli/render/text.ts";
import type { Json } from "../../../src/core/json.ts";
import { fleetOf } from "../../../src/core/model/fleet-reader.ts";
import { alertPath, groupPath, labelPath, scanPath, secretPath } from "../../../src/core/paths.ts";
import { Targeting } from "../../../src/core/targeting/targeting.ts";
import { appliedHandlers } from "../../../src/node/handlers/applied.ts";
import type { ReadSource } from "../../../src/node/handlers/read-source.ts";
import { handMadeView } from "../targeting/hand-made-view.ts";

const reference = {
  path: "mail/relay-credentials",
  text: "lab::secret('mail/relay-credentials')",
  file: "init.pp",
  line: 7,
};

const DESIRED: Readonly<Record<string, Json>> = {
  [labelPath("k8s-worker")]: {
    puppetClasses: ["kubernetes::worker", "containerd", "node_exporter"],
    alerts: ["kubelet_healthy", "node_ready"],
    secrets: ["k8s/join-token"],
  },
  [labelPath("production")]: { puppetClasses: ["base::hardening", "base::monitoring"] },
  [labelPath("eu-west")]: { puppetClasses: ["base::ntp_eu"] },
  [labelPath("mailserver")]: {
    puppetClasses: ["postfix", "dovecot", "spamassassin", "fail2ban"],
    ports: [25, 587, 993],
    size: "medium",
    alerts: ["smtp_connect", "imap_connect", "mail_queue_length"],
    secrets: ["mail/tls-cert", "mail/dkim-key"],
  },
  [labelPath("postgres")]: {
    puppetClasses: ["postgresql::server", "backup::pgbackrest"],
    secrets: ["postgres/master-password"],
  },
  [labelPath("*")]: { secrets: ["tls/node-cert"] },
  [groupPath("production")]: { match: { environment: ["prod"] } },
  [groupPath("eu-west-compute")]: { match: { labels: ["k8s-worker"] }, exclude: { servers: ["worker-3"] } },
  [groupPath("eu-west-storage")]: { match: { labels: ["postgres"] } },
  [groupPath("eu-infrastructure")]: {
    groups: ["eu-west-compute", "eu-west-storage"],
    servers: ["test-box-1", "mail-2"],
    exclude: { servers: ["test-box-1"], labels: ["experimental"] },
  },
  [alertPath("disk_space_low")]: {
    condition: "disk_usage_percent > 85",
    target: { groups: ["production"] },
    forSeconds: 300,
  },
  [alertPath("network_latency_high")]: {
    condition: "network_latency_seconds > 100ms",
    severity: "critical",
    target: { groups: ["eu-infrastructure"] },
  },
  [alertPath("memory_pressure")]: {
    condition: "memory_usage_percent > 90",
    target: { labels: ["k8s-worker"], exclude: { servers: ["worker-5"] } },
  },
  [secretPath("k8s/join-token")]: { type: "dynamic", generator: "kubernetes" },
  [secretPath("tls/node-cert")]: { type: "dynamic", generator: "ca", perMachine: true },
  [scanPath("postfix")]: { references: [reference], tree: "00" },
};

const server = (provider: string, labels: string, attributes: Record<string, string> = {}) => ({
  labels: labels.split(" "),
  attributes: { provider, environment: "prod", region: "eu-west-1", size: "large", ...attributes },
});
const view = handMadeView(
  {
    "worker-3": server("aws", "k8s-worker production eu-west"),
    "worker-5": server("aws", "k8s-worker production eu-west"),
    "mail-1": server("xcpng", "mailserver"),
    "mail-2": server("aws", "mailserver experimental"),
    "db-1": server("baremetal", "postgres production eu-west"),
    "test-box-1": server("ssh", "experimental", { environment: "test" }),
  },
  DESIRED,
);
const targeting = Targeting.of(fleetOf(view));

/** What the agent answers, without one: all that it asks of its surroundings is the view. */
const source = {
  replica: { view: () => view, newest: { ms: 0, count: 0 } },
  directory: { reports: () => new Map() },
  self: { id: "", key: "" },
  targeting: () => targeting,
  nowMs: () => 0,
  asOfMs: () => 0,
  opinion: (key: string) => ({ key, online: "unknown", connected: "no", rttMs: null, lastHeardMs: null }),
  ownRoles: () => [],
} as unknown as ReadSource;

function ask<T>(operation: string, input: Record<string, string>): T {
  const answer = appliedHandlers(source)[operation]?.(input as never) as { readonly item: T };
  // As it arrives: what JSON leaves out is not there.
  return JSON.parse(JSON.stringify(answer.item)) as T;
}

const golden = (name: string) => join(import.meta.dirname, "../../golden", `${name}.txt`);

describe("pages of what applies where", () => {
  const pages: Readonly<Record<string, () => string[]>> = {
    "show-server": () => serverPage(ask("server.applied", { name: "worker-5" })),
    "show-label": () => labelPage(ask("label.applied", { name: "mailserver" })),
    "show-group": () => groupPage(ask("group.applied", { name: "eu-infrastructure" })),
    "show-alert": () => alertPage(ask("alert.applied", { name: "disk_space_low" })),
    "show-alert-of-the-catalogue": () => alertPage(ask("alert.applied", { name: "cert_expiry" })),
    "show-secret": () => secretPage(ask("secret.applied", { path: "mail/relay-credentials" }), 0),
    "targets-server": () => targetsPage(ask("server.targets", { name: "db-1" })),
    why: () => whyPage("worker-5", [{ what: "secret k8s/join-token", from: [{ kind: "label", name: "k8s-worker" }] }]),
  };

  it.each(Object.entries(pages))("%s has the form of the specification", async (name, page) => {
    await expect(`${page().join("\n")}\n`).toMatchFileSnapshot(golden(name));
  });

  it.each(Object.entries(pages))("%s fits into eighty columns", (_, page) => {
    for (const line of page()) expect(displayWidth(line), line).toBeLessThanOrEqual(80);
  });
});
