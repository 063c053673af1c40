import type { BackupRecord, ChunkKind } from "../../core/backup/chunks.ts";
import type { LogHead } from "../../core/backup/manifest.ts";
import { toHex } from "../../core/bytes.ts";
import { compareHlc, type Hlc } from "../../core/hlc.ts";
import { type ChainHeader, CLASS_DESIRED, type Entry } from "../entry/entry.ts";
import type { Replica } from "../replica.ts";

/** The entries of a replica that a backup holds. What nodes say of themselves is not among them: they say it again. */
export interface BackedUpEntries {
  readonly records: Readonly<Record<Exclude<ChunkKind, "secrets">, readonly BackupRecord[]>>;
  readonly heads: { readonly authority: readonly string[]; readonly logs: readonly LogHead[] };
}

/**
 * In an order that is the same on every peer and to which new entries are mostly added at the end: authority by how
 * deep it lies in its graph, chains by the clock.
 */
export function backedUpEntries(replica: Pick<Replica, "graph" | "chains">): BackedUpEntries {
  const links = [...replica.chains.values()].flatMap((chain) => chain.links().map(({ entry }) => entry));
  const [desired, audit] = [links.filter(isDesired), links.filter((entry) => !isDesired(entry))];
  const records = {
    authority: byDepth(replica).map(recordOf),
    desired: desired.sort(byClock).map(recordOf),
    audit: audit.sort(byClock).map(recordOf),
  };
  const authority = replica.graph.tips.map(({ entry }) => entry.id).sort();
  return { records, heads: { authority, logs: endsOf(replica) } };
}

function byDepth({ graph }: Pick<Replica, "graph">): Entry[] {
  const depths = new Map<string, number>();
  for (const { entry } of graph.entries) {
    const parents = entry.header.parents.map((parent) => depths.get(toHex(parent)) ?? 0);
    depths.set(entry.id, parents.length === 0 ? 0 : Math.max(...parents) + 1);
  }
  const depthOf = ({ id }: Entry) => depths.get(id) ?? 0;
  return graph.entries.map(({ entry }) => entry).sort((a, b) => depthOf(a) - depthOf(b) || (a.id < b.id ? -1 : 1));
}

function endsOf({ chains }: Pick<Replica, "chains">): LogHead[] {
  const ends = [...chains.values()].flatMap((chain) =>
    chain.tips.map(({ entry }) => ({
      log: chain.log,
      class: chain.class,
      seq: entry.header.seq,
      hash: entry.id,
    })),
  );
  const nameOf = ({ log, class: kind, hash }: LogHead) => `${log}/${kind}/${hash}`;
  return ends.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function isDesired(entry: Entry<ChainHeader>): boolean {
  return entry.header.class === CLASS_DESIRED;
}

function byClock(a: Entry<ChainHeader>, b: Entry<ChainHeader>): number {
  return compareHlc(a.header.hlc as Hlc, b.header.hlc) || (a.id < b.id ? -1 : 1);
}

function recordOf({ hash, bytes }: Entry): BackupRecord {
  return { mark: hash, bytes };
}
