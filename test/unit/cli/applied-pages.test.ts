import { readdirSync, readFileSync } from "node:fs";
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
import { scanPath } from "../../../src/core/paths.ts";
import type { View } from "../../../src/core/view.ts";
import { readDeclarations } from "../../../src/operator/declarations/read.ts";
import { recordPath, toRecord } from "../../../src/operator/declarations/records.ts";
import { Targeting } from "../../../src/core/targeting/targeting.ts";
import { appliedHandlers } from "../../../src/node/handlers/applied.ts";
import type { ReadSource } from "../../../src/node/handlers/read-source.ts";
import { type HandMadeNode, handMadeView } from "../targeting/hand-made-view.ts";

const reference = {
  path: "mail/relay-credentials",
  text: "lab::secret('mail/relay-credentials')",
  file: "init.pp",
  line: 7,
};

/** The company of `examples/`, all of its servers members, and its Puppet code scanned. */
function company(): View {
  const directory = join(import.meta.dirname, "../../../examples/company");
  const names = readdirSync(directory).filter((name) => name.endsWith(".yaml"));
  const declared = readDeclarations(names.map((name) => ({ name, text: readFileSync(join(directory, name), "utf8") })));
  const desired: Record<string, Json> = { [scanPath("postfix")]: { references: [reference], tree: "00" } };
  const nodes: Record<string, HandMadeNode> = {};
  for (const [kind, records] of declared) {
    for (const [name, { spec }] of records) {
      desired[recordPath(kind, name)] = toRecord(kind, spec, { managedBy: null, rest: {} });
      if (kind !== "server") continue;
      const { labels = [], disks: _, ...attributes } = spec as { labels?: string[]; disks?: string[] };
      nodes[name] = { labels, attributes };
    }
  }
  return handMadeView(nodes, desired);
}

const view = company();
const targeting = Targeting.of(fleetOf(view));

/** What the agent answers, without one: all that it asks of its surroundings is the view. */
const source = {
  replica: {
    view: () => view,
    newest: { ms: 0, count: 0 },
    authority: { roleLogs: new Map() },
    makeWhole: () => Promise.resolve(),
  },
  directory: { reports: () => new Map(), report: () => undefined },
  self: { id: "", key: "" },
  targeting: () => targeting,
  nowMs: () => 0,
  asOfMs: () => 0,
  opinion: (key: string) => ({ key, online: "unknown", connected: "no", rttMs: null, lastHeardMs: null }),
  verdict: () => null,
  ownRoles: () => [],
  strangerTo: () => [],
} as unknown as ReadSource;

async function ask<T>(operation: string, input: Record<string, string>): Promise<T> {
  const answer = (await appliedHandlers(source)[operation]?.(input as never)) as { readonly item: T };
  // As it arrives: what JSON leaves out is not there.
  return JSON.parse(JSON.stringify(answer.item)) as T;
}

const golden = (name: string) => join(import.meta.dirname, "../../golden", `${name}.txt`);

describe("pages of what applies where", () => {
  const pages: Readonly<Record<string, () => Promise<string[]>>> = {
    "show-server": async () => serverPage(await ask("server.applied", { name: "worker-5" })),
    "show-label": async () => labelPage(await ask("label.applied", { name: "mailserver" })),
    "show-group": async () => groupPage(await ask("group.applied", { name: "eu-infrastructure" })),
    "show-alert": async () => alertPage(await ask("alert.applied", { name: "disk_space_low" })),
    "show-alert-of-the-catalogue": async () => alertPage(await ask("alert.applied", { name: "cert_expiry" })),
    "show-secret": async () => secretPage(await ask("secret.applied", { path: "mail/relay-credentials" }), 0),
    "targets-server": async () => targetsPage(await ask("server.targets", { name: "db-1" })),
    why: async () =>
      whyPage("worker-5", [
        { isKeptOut: false, what: "secret k8s/join-token", from: [{ kind: "label", name: "k8s-worker" }] },
      ]),
  };

  it.each(Object.entries(pages))("%s has the form of the specification", async (name, page) => {
    await expect(`${(await page()).join("\n")}\n`).toMatchFileSnapshot(golden(name));
  });

  it.each(Object.entries(pages))("%s fits into eighty columns", async (_, page) => {
    for (const line of await page()) expect(displayWidth(line), line).toBeLessThanOrEqual(80);
  });
});
