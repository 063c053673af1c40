import { NotFoundError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { selectServers } from "../../core/selector/select.ts";
import { UNKNOWN_SIZE } from "../../core/targeting/server-sizes.ts";
import type { Targeting } from "../../core/targeting/targeting.ts";
import type { Node, View } from "../../core/view.ts";
import type { Pillar, Server } from "../../operations/kinds/server.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

const UNKNOWN: Pillar = { state: "unknown", detail: "" };

/** Every enrolled server and every one that is declared and still to come, by name. */
export function allServers(source: ReadSource): Server[] {
  const view = source.replica.view();
  const targeting = source.targeting();
  const nodes = [...view.nodes.values()].map((node) => enrolledServer(source, view, targeting, node));
  const pending = targeting.fleet.servers.flatMap(({ standing }, place) =>
    standing === "pending" ? [pendingServer(targeting, place)] : [],
  );
  return [...nodes, ...pending].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function enrolledServer(source: ReadSource, view: View, targeting: Targeting, node: Node): Server {
  const isSelf = node.key === source.self.key;
  const report = source.directory.report(node.id);
  const opinion = source.opinion(node.key);
  const roles = isSelf ? source.ownRoles() : (report?.roles ?? []);
  // What a node last said of its roles holds while it is heard of, and while it has the label.
  const here = isSelf || opinion.online === "yes";
  const running = roles.filter(({ state, label }) => state === "running" && node.roles.has(label) && here);
  const place = targeting.index.placeOf(node.id);
  return {
    name: node.name,
    id: node.id,
    provider: view.attributeOf(node.id, "provider") ?? null,
    labels: [...view.labelsOf(node.id)],
    roles: running.map(({ label }) => label).sort(),
    // Whoever was cut belongs to nothing.
    groups: place === undefined ? [] : targeting.groupsOf(place),
    environment: view.attributeOf(node.id, "environment") ?? null,
    region: view.attributeOf(node.id, "region") ?? null,
    size: place === undefined ? (view.attributeOf(node.id, "size") ?? null) : targeting.sizes.shown(place),
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

function pendingServer(targeting: Targeting, place: number): Server {
  const { name, provider, labels, environment, region } = targeting.index.at(place);
  return {
    name,
    id: null,
    provider,
    labels: [...labels],
    roles: [],
    groups: targeting.groupsOf(place),
    environment,
    region,
    size: targeting.sizes.shown(place),
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
  const { labels, groups, sizes } = source.targeting().fleet;
  const items = selectServers(allServers(source), {
    selectors: input.selector,
    names: input.names,
    allowEmpty: input.allowEmpty,
    known: { label: [...labels.keys()], group: [...groups.keys()], size: [...sizes.keys(), UNKNOWN_SIZE] },
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
