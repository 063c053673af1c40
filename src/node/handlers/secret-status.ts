import { LabError } from "../../core/errors.ts";
import { entitledPaths, SECRET_STORE } from "../../core/policy/entitlement.ts";
import { readableByOperators } from "../../core/policy/operator-readers.ts";
import type { Peers } from "../../core/ports/mesh.ts";
import { CENSUS_CHANNEL, type Census, decodeCensus } from "../../core/secrets/messages.ts";
import { currentVersions } from "../../core/secrets/version.ts";
import type { Node } from "../../core/view.ts";
import type { Backup } from "../../operations/kinds/backup.ts";
import type { SecretStatus, SecretStoreStatus } from "../../operations/kinds/secret-report.ts";
import type { SecretCache } from "../secrets/secret-cache.ts";
import { listBackups } from "./backup.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

const ASK_TIMEOUT_MS = 3000;

export async function secretStatus(source: ReadSource, cache: Pick<SecretCache, "list">): Promise<unknown> {
  const view = source.replica.view();
  const known = cache.list();
  const cached = known.filter(({ fetchedMs }) => fetchedMs !== null);
  const fetched = cached.flatMap(({ fetchedMs }) => fetchedMs ?? []);
  const item: SecretStatus = {
    cache: {
      entitled: entitledPaths(view, source.self.id).length,
      cached: cached.length,
      fresh: cached.filter(({ state }) => state === "fresh").length,
      oldest: fetched.length === 0 ? null : isoTime(Math.min(...fetched)),
    },
    overlaps: known.flatMap(({ path, before }) => {
      return before === null ? [] : [{ path, until: isoTime(before.untilMs) }];
    }),
    stores: peersWith(source, SECRET_STORE),
    coordinators: peersWith(source, "coordinator"),
    backup: await newestBackup(source),
  };
  return { kind: "SecretStatus", meta: metaOf(source), item };
}

/** `peers` is who can ask the stores; null where no agent runs. */
export async function secretStoreStatus(source: ReadSource, peers: Pick<Peers, "request"> | null): Promise<unknown> {
  const view = source.replica.view();
  const { fleet, index, secrets } = source.targeting();
  const replicas = await Promise.all(
    byName(view.holders(SECRET_STORE)).map(async (node) => {
      const place = index.place(node.name);
      const census = peers === null ? null : await censusOf(peers, node);
      return {
        name: node.name,
        provider: (place === undefined ? null : index.at(place).provider) ?? null,
        state: stateOf(census),
        ...{ held: census?.held ?? 0, current: census?.current ?? 0, toWrap: census?.toWrap ?? 0 },
        lastHeard: lastHeard(source, node),
      };
    }),
  );
  const item: SecretStoreStatus = {
    replicas,
    total: currentVersions(view).length,
    backup: await newestBackup(source),
    consumers: [...fleet.labels.keys()].sort().flatMap((label) => {
      const paths = new Set(secrets.grants(label).map(({ path }) => path));
      return paths.size === 0 ? [] : [{ label, machines: index.labelled(label).size, secrets: paths.size }];
    }),
    operators: readableByOperators(view).map(({ operator, paths }) => ({ name: operator.name, secrets: paths.length })),
  };
  return { kind: "SecretStoreStatus", meta: metaOf(source), item };
}

async function censusOf(peers: Pick<Peers, "request">, { key }: Node): Promise<Census | null> {
  try {
    return decodeCensus(await peers.request(key, CENSUS_CHANNEL, new Uint8Array(0), ASK_TIMEOUT_MS));
  } catch (error) {
    if (error instanceof LabError) return null;
    throw error;
  }
}

function stateOf(census: Census | null): SecretStoreStatus["replicas"][number]["state"] {
  if (census === null) return "silent";
  if (census.held < census.current) return "filling";
  if (census.toWrap > 0) return "rewrapping";
  return census.vouched === "fresh" ? "synced" : "unvouched";
}

function peersWith(source: ReadSource, role: string): SecretStatus["stores"] {
  return byName(source.replica.view().holders(role)).map((node) => ({
    name: node.name,
    online: node.id === source.self.id ? ("yes" as const) : source.opinion(node.key).online,
    lastHeard: lastHeard(source, node),
  }));
}

function lastHeard(source: ReadSource, { id, key }: Node): string | null {
  if (id === source.self.id) return isoTime(source.nowMs());
  const { lastHeardMs } = source.opinion(key);
  return lastHeardMs === null ? null : isoTime(lastHeardMs);
}

function byName(nodes: readonly Node[]): Node[] {
  return [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function newestBackup(source: ReadSource): Promise<SecretStatus["backup"]> {
  const { items } = (await listBackups(source)) as { readonly items: readonly Backup[] };
  const [newest] = [...items].sort((a, b) => (a.madeAt < b.madeAt ? 1 : -1));
  return newest === undefined ? null : { place: newest.place, madeAt: newest.madeAt, secrets: newest.secrets };
}
