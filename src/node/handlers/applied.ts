import { NotFoundError } from "../../core/errors.ts";
import { writePuppetClasses } from "../../core/model/puppet-class.ts";
import { nearest } from "../../core/nearest.ts";
import { placesOf } from "../../core/rendering/render.ts";
import { operatorReaders } from "../../core/policy/operator-readers.ts";
import { overlapAt } from "../../core/secrets/overlap.ts";
import { currentVersion } from "../../core/secrets/version.ts";
import { secretVersionPath } from "../../core/paths.ts";
import type { Targeting } from "../../core/targeting/targeting.ts";
import { alertView } from "../../core/targeting/views/alert.ts";
import { groupView } from "../../core/targeting/views/group.ts";
import { labelView } from "../../core/targeting/views/label.ts";
import { secretView } from "../../core/targeting/views/secret.ts";
import { appliedToServer, reasonsInGroup, targetsOfServer } from "../../core/targeting/views/server.ts";
import { grantLog } from "./grant-log.ts";
import { versionWriter } from "./lists.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";
import { allServers } from "./servers.ts";

interface Named {
  readonly name: string;
}

/** Handlers of what applies where. */
export function appliedHandlers(source: ReadSource): Readonly<Record<string, (input: never) => unknown>> {
  return {
    "server.applied": (input: Named) => serverApplied(source, input),
    "server.targets": (input: Named) => serverTargets(source, input),
    "label.applied": (input: Named) => labelApplied(source, input),
    "group.applied": (input: Named) => groupApplied(source, input),
    "alert.applied": (input: Named) => alertApplied(source, input),
    "secret.applied": (input: { path: string }) => secretApplied(source, input),
  };
}

function serverApplied(source: ReadSource, { name }: Named): unknown {
  const targeting = source.targeting();
  const place = placeOf(targeting, name);
  const { id } = targeting.index.at(place);
  const server = allServers(source).find((one) => (id === null ? one.name === name : one.id === id));
  const applied = appliedToServer(targeting, place);
  const groupReasons = applied.groups.map((group) => ({ name: group, from: reasonsInGroup(targeting, group, place) }));
  return { kind: "ServerApplied", meta: metaOf(source), item: { server, ...applied, groupReasons } };
}

function serverTargets(source: ReadSource, { name }: Named): unknown {
  const targeting = source.targeting();
  const place = placeOf(targeting, name);
  const item = { server: targeting.index.at(place).name, ...targetsOfServer(targeting, place) };
  return { kind: "ServerTargets", meta: metaOf(source), item };
}

function labelApplied(source: ReadSource, { name }: Named): unknown {
  const targeting = source.targeting();
  const view = labelView(targeting, name);
  if (view === null) {
    const known = [...targeting.index.labels.keys(), ...targeting.fleet.labels.keys()];
    throw new NotFoundError("label", name, nearest(name, new Set(known)));
  }
  const ids = new Set(Array.from(targeting.index.labelled(name), (place) => targeting.index.at(place)));
  const names = new Set([...ids].map((server) => server.id ?? server.name));
  const item = {
    ...view,
    puppetClasses: writePuppetClasses(view.puppetClasses),
    serverDetails: allServers(source).filter((server) => names.has(server.id ?? server.name)),
  };
  return { kind: "LabelApplied", meta: metaOf(source), item };
}

function groupApplied(source: ReadSource, { name }: Named): unknown {
  const targeting = source.targeting();
  const item = groupView(targeting, name);
  if (item === null) throw new NotFoundError("group", name, nearest(name, targeting.groups.keys()));
  return { kind: "GroupApplied", meta: metaOf(source), item };
}

function alertApplied(source: ReadSource, { name }: Named): unknown {
  const targeting = source.targeting();
  const view = alertView(targeting, name);
  if (view === null) throw new NotFoundError("alert", name, nearest(name, targeting.alerts.keys()));
  const servers = view.servers.map((server) => ({ ...server, ...whereabouts(targeting, server.name) }));
  const item = { ...view, servers, rendered: placesOf(targeting, name) };
  return { kind: "AlertApplied", meta: metaOf(source), item };
}

async function secretApplied(source: ReadSource, { path }: { readonly path: string }): Promise<unknown> {
  const targeting = source.targeting();
  const view = source.replica.view();
  const found = secretView(targeting, path);
  if (found === null) throw new NotFoundError("secret", path, nearest(path, targeting.fleet.secrets.keys()));
  const version = currentVersion(view, path);
  const overlap = overlapAt(version, source.nowMs());
  const writer = view.desired(secretVersionPath(path))?.log;
  const fetched = await lastFetched(source, path);
  const item = {
    ...found,
    machines: found.machines.map((machine) => ({
      ...machine,
      ...whereabouts(targeting, machine.name),
      lastFetched: fetched.get(machine.name) ?? null,
    })),
    operators: operatorReaders(view, path).map(({ name, key }) => ({
      name,
      key,
      lastFetched: fetched.get(key) ?? null,
    })),
    overlapUntil: overlap === null ? null : isoTime(overlap.untilMs),
    lastRotated: version === undefined ? null : isoTime(version.metadata.atMs),
    setBy: writer === undefined ? null : versionWriter(view, writer),
  };
  return { kind: "SecretApplied", meta: metaOf(source), item };
}

/** When a store last gave the secret to each machine and operator, by the machine's name or the operator's key. */
async function lastFetched(source: ReadSource, path: string): Promise<ReadonlyMap<string, string>> {
  const { nodes } = source.replica.view();
  const latest = new Map<string, number>();
  for (const grant of (await grantLog(source)).grants) {
    if (grant.path !== path) continue;
    const reader = grant.operator ?? nodes.get(grant.node ?? "")?.name ?? grant.name;
    latest.set(reader, Math.max(latest.get(reader) ?? 0, grant.lastMs));
  }
  return new Map([...latest].map(([reader, lastMs]) => [reader, isoTime(lastMs)]));
}

function whereabouts({ index }: Targeting, name: string): { provider: string | null; environment: string | null } {
  const place = index.place(name);
  const server = place === undefined ? undefined : index.at(place);
  return { provider: server?.provider ?? null, environment: server?.environment ?? null };
}

function placeOf({ index }: Targeting, name: string): number {
  const place = index.place(name);
  if (place !== undefined) return place;
  const names = index.servers.map((server) => server.name);
  throw new NotFoundError("server", name, nearest(name, names));
}
