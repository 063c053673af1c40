import { decodeAudit } from "../../core/audit.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import {
  compareGrants,
  type Grant,
  type GrantLog,
  readGrants,
  type SilentStore,
} from "../../core/secrets/grant-log.ts";
import type { Node } from "../../core/view.ts";
import { CLASS_AUDIT } from "../../crdt/entry/entry.ts";
import type { ReadSource } from "./read-source.ts";

type GrantSource = Pick<ReadSource, "replica" | "self" | "opinion">;

/** What all stores, present and former, say to have given; and which of them this replica may not have heard out. */
export async function grantLog(source: GrantSource): Promise<GrantLog> {
  const { replica } = source;
  const stores = everStores(source);
  const ids = new Set(stores.map(({ id }) => id));
  await replica.makeWhole((chain) => chain.class === CLASS_AUDIT && ids.has(chain.log));
  return {
    grants: stores.flatMap(({ id }) => grantsBy(source, id)).sort(compareGrants),
    silent: stores.flatMap((store) => silenceOf(source, store)),
    beginMs: beginOf(
      source,
      stores.map(({ id }) => id),
    ),
  };
}

/** Audit is let go of by age; keepers have it longer than other members. */
function beginOf({ replica }: GrantSource, stores: readonly string[]): number | null {
  const begins = stores.flatMap((id) => {
    const chain = replica.chain(id, CLASS_AUDIT);
    return chain === undefined || chain.letGo === 0 ? [] : (chain.main[0]?.entry.header.hlc.ms ?? []);
  });
  return begins.length === 0 ? null : Math.max(...begins);
}

function grantsBy({ replica }: GrantSource, store: string): Grant[] {
  const links = replica.chain(store, CLASS_AUDIT)?.main ?? [];
  return readGrants(
    store,
    links.map(({ entry }) => decodeAudit(entry.payload)),
  );
}

/** Every node that was ever given the label, by name. */
function everStores({ replica }: GrantSource): Node[] {
  const { nodes } = replica.view();
  const logs = [...replica.authority.roleLogs.values()].filter(({ label }) => label === SECRET_STORE);
  const ids = new Set(logs.map(({ node }) => node));
  return [...ids]
    .flatMap((id) => nodes.get(id) ?? [])
    .sort((a, b) => (a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1));
}

/** A store that is online has told all: what it writes reaches a peer that can be reached within seconds. */
function silenceOf(source: GrantSource, { id, key, name, state }: Node): SilentStore[] {
  if (id === source.self.id) return [];
  const { online, lastHeardMs } = source.opinion(key);
  if (state !== "cut" && online === "yes") return [];
  const last = source.replica.chain(id, CLASS_AUDIT)?.main.at(-1)?.entry.header.hlc.ms ?? 0;
  const sinceMs = Math.max(lastHeardMs ?? 0, last);
  const standing = state === "cut" ? "gone" : "active";
  return [{ node: id, name, standing, sinceMs: sinceMs === 0 ? null : sinceMs }];
}
