import type { TimedAuditRecord } from "../audit.ts";

/**
 * The grant log: what stores gave to whom, as their audit logs tell it (`docs/decisions/0022-the-grant-log.md`). A
 * record is written before the first value of its kind leaves; what is repeated within a while is counted, and told in
 * one record later. So the log can lack a number, never a machine, a path or a version.
 */

/** A value to whoever is entitled: a machine, or an operator who asks by one. */
export const READ_ACTION = "secret.read";
/** Refusals of one member, after the first ones of an hour. */
export const REFUSALS_ACTION = "secret.ask";
/** An envelope from a member: allowed when it is on disk. */
export const STORE_ACTION = "secret.store";
/** An envelope to another store. */
export const REPLICATE_ACTION = "secret.replicate";

/** All that one store says to have given of one version to one machine, or one operator. */
export interface Grant {
  /** Id of the store's node. */
  readonly store: string;
  /** Id of the machine; null for an operator, and if a store of an older release told no more than its name. */
  readonly node: string | null;
  /** Hex of the operator's key; null for a machine. */
  readonly operator: string | null;
  /** As the store called the machine, or the operator. */
  readonly name: string;
  readonly path: string;
  /** Hex of the version; null in a record of an older release. */
  readonly version: string | null;
  readonly times: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** A store, present or former, of which this replica may lack something. */
export interface SilentStore {
  readonly node: string;
  readonly name: string;
  /** - `active`: may come back with more · `gone`: was removed from the mesh, and may have given more before it knew */
  readonly standing: "active" | "gone";
  /** Wall clock of the last sign of life; null if it was never heard. */
  readonly sinceMs: number | null;
}

/** Complete as far as no store is silent, and back to `beginMs`. */
export interface GrantLog {
  /** Ascending by path, then by the time of the first giving. */
  readonly grants: readonly Grant[];
  readonly silent: readonly SilentStore[];
  /** Some store's records of before are no longer kept here; null where all of them are. */
  readonly beginMs: number | null;
}

/** What one store's audit records say of values that it gave. */
export function readGrants(store: string, records: readonly TimedAuditRecord[]): Grant[] {
  const grants = new Map<string, Grant>();
  for (const record of records) {
    if (record.action !== READ_ACTION || record.decision !== "allowed") continue;
    const { node, operator, version, times, sinceMs } = readFacts(record);
    const name = record.actor.replace(/^(node|operator):/, "");
    const id = `${operator ?? node ?? name} ${record.object} ${version ?? ""}`;
    const known = grants.get(id);
    grants.set(id, {
      ...{ store, node, operator, name, version, path: record.object },
      times: (known?.times ?? 0) + times,
      firstMs: Math.min(known?.firstMs ?? sinceMs, sinceMs),
      lastMs: Math.max(known?.lastMs ?? 0, record.timeMs),
    });
  }
  return [...grants.values()];
}

export function compareGrants(a: Grant, b: Grant): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.firstMs - b.firstMs || (a.store < b.store ? -1 : 1);
}

/**
 * Of an allowed {@link READ_ACTION}: id of the node, or key of the operator, that got it, hex of the version, and how often since `sinceMs`,
 * beside what was told before.
 */
function readFacts({ facts = {}, timeMs }: TimedAuditRecord) {
  const { node, operator, version, times, sinceMs } = facts;
  return {
    node: typeof node === "string" ? node : null,
    operator: typeof operator === "string" ? operator : null,
    version: typeof version === "string" ? version : null,
    times: typeof times === "number" ? times : 1,
    sinceMs: typeof sinceMs === "number" ? sinceMs : timeMs,
  };
}
