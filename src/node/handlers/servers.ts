import { NotFoundError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { labelPath } from "../../core/paths.ts";
import { selectServers } from "../../core/selector/select.ts";
import type { Node, View } from "../../core/view.ts";
import type { Pillar, Server } from "../../operations/kinds/server.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

const UNKNOWN: Pillar = { state: "unknown", detail: "" };

/** Every enrolled server and every one that is declared and still to come, by name. */
export function allServers(source: ReadSource): Server[] {
  const view = source.replica.view();
  const enrolled = [...view.nodes.values()].map((node) => enrolledServer(source, view, node));
  const names = new Set([...view.nodes.values()].filter(({ state }) => state === "active").map(({ name }) => name));
  const pending = view
    .desiredUnder("pending/")
    .map(([path, { value }]) => ({ name: path.slice("pending/".length), value }))
    .filter(({ name }) => !names.has(name))
    .map(({ name, value }) => pendingServer(name, value));
  return [...enrolled, ...pending].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function enrolledServer(source: ReadSource, view: View, node: Node): Server {
  const isSelf = node.key === source.self.key;
  const report = source.directory.reports().get(node.id);
  const opinion = source.opinion(node.key);
  const roles = isSelf ? source.ownRoles() : (report?.roles ?? []);
  // What a node last said of its roles holds while it is heard of, and while it has the label.
  const here = isSelf || opinion.online === "yes";
  const running = roles.filter(({ state, label }) => state === "running" && node.roles.has(label) && here);
  return {
    name: node.name,
    id: node.id,
    provider: view.attributeOf(node.id, "provider") ?? null,
    labels: [...view.labelsOf(node.id)],
    roles: running.map(({ label }) => label).sort(),
    groups: [],
    environment: view.attributeOf(node.id, "environment") ?? null,
    region: view.attributeOf(node.id, "region") ?? null,
    size: view.attributeOf(node.id, "size") ?? null,
    addresses: [...(report?.addresses ?? [])],
    online: isSelf ? "yes" : opinion.online,
    lastSeen: isSelf ? isoTime(source.nowMs()) : opinion.lastHeardMs === null ? null : isoTime(opinion.lastHeardMs),
    enrolled: isoTime(node.enrolledAtMs),
    sync: UNKNOWN,
    puppet: UNKNOWN,
    health: UNKNOWN,
    identity: identityOf(node),
    key: node.key,
    enrolledBy: node.how,
    release: report?.release ?? null,
    os: report?.os ?? null,
    arch: report?.arch ?? null,
  };
}

function identityOf(node: Node): Pillar {
  switch (node.state) {
    case "cut":
      return { state: "failed", detail: "revoked" };
    case "suspended":
      return { state: "failed", detail: "suspended" };
    case "active":
      return node.naming === "owned" ? { state: "ok", detail: "enrolled" } : { state: "warning", detail: "contested" };
  }
}

function pendingServer(name: string, value: unknown): Server {
  const declared = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const text = (field: string): string | null =>
    typeof declared[field] === "string" ? (declared[field] as string) : null;
  const labels = Array.isArray(declared.labels) ? declared.labels.filter((label) => typeof label === "string") : [];
  return {
    name,
    id: null,
    provider: text("provider"),
    labels: labels.sort(),
    roles: [],
    groups: [],
    environment: text("environment"),
    region: text("region"),
    size: text("size"),
    addresses: [],
    online: "unknown",
    lastSeen: null,
    enrolled: null,
    sync: UNKNOWN,
    puppet: UNKNOWN,
    health: UNKNOWN,
    identity: { state: "pending", detail: "pending" },
  };
}

export interface ServerListInput {
  readonly selector: readonly string[];
  readonly names: readonly string[];
  readonly allowEmpty: boolean;
}

export function listServers(source: ReadSource, input: ServerListInput): unknown {
  const declared = source.replica
    .view()
    .desiredUnder(labelPath(""))
    .map(([path]) => path.slice(labelPath("").length));
  const items = selectServers(allServers(source), {
    selectors: input.selector,
    names: input.names,
    allowEmpty: input.allowEmpty,
    known: { label: declared },
  });
  return { kind: "ServerList", meta: metaOf(source), items };
}

export function getServer(source: ReadSource, { name }: { readonly name: string }): unknown {
  const servers = allServers(source);
  const item = servers.find((server) => server.name === name && server.identity.detail !== "revoked");
  const found = item ?? servers.find((server) => server.name === name || server.id === name);
  if (found === undefined) {
    const near = nearest(
      name,
      servers.map((server) => server.name),
    );
    throw new NotFoundError("server", name, near);
  }
  return { kind: "Server", meta: metaOf(source), item: found };
}
