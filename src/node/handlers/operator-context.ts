import { toBase64Url, toHex } from "../../core/bytes.ts";
import { HLC_MAX_AHEAD_MS } from "../../core/hlc.ts";
import type { Json } from "../../core/json.ts";
import { ATTRIBUTES } from "../../core/names.ts";
import { nearest } from "../../core/nearest.ts";
import type { Node, View } from "../../core/view.ts";
import type { AuthorityGraph, GraphEntry } from "../../crdt/authority/graph.ts";
import type { ChainLink } from "../../crdt/chain.ts";
import { CLASS_DESIRED, type Entry, MAX_PARENTS } from "../../crdt/entry/entry.ts";
import { authorityDigest } from "../../crdt/authority-digest.ts";
import type { operatorContextOperation } from "../../operations/operator.ts";
import type { InputOf, OutputOf } from "../../operations/operation.ts";
import { metaOf, type ReadSource, selfName } from "./read-source.ts";

type Input = InputOf<typeof operatorContextOperation>;
type Output = OutputOf<typeof operatorContextOperation>;

/** All that an operator's CLI has to know before it signs. What it signs, it builds from its own words. */
export function operatorContext(source: ReadSource, input: Input): Output {
  const view = source.replica.view();
  const { graph } = source.replica;
  const owned = input.servers.map((name) => [name, view.nodeByName(name)] as const);
  const paths = input.paths.map((path) => withIds(view, path)).filter((path) => path !== null);
  const own = ownLogs(source, input.key);
  const logs = new Set(own.map(({ log }) => log));
  // Root's log is for acts of root: what the key writes, it writes into the ledger of its next most senior one.
  const ledger = own.find(({ rank, rights }) => rank > 0 && rights.includes("ops"))?.log ?? "";
  const names = [...view.nodes.values()].filter(({ state }) => state === "active").map(({ name }) => name);
  return {
    meta: metaOf(source),
    mesh: view.mesh,
    meshName: view.meshName,
    nowMs: source.nowMs(),
    self: { id: source.self.id, name: selfName(source) },
    logs: own,
    tips: tipsFor(graph.tips, logs),
    seen: toHex(authorityDigest(source.keys, graph)),
    ...missingAuthority(graph, input.knows),
    newest: { ...source.replica.newestUntil(source.nowMs() + HLC_MAX_AHEAD_MS) },
    lacks: input.holds.filter((id) => !isKept(source, graph.find(id)?.entry)),
    servers: Object.fromEntries(owned.map(([name, node]) => [name, node ? subjectOf(source, view, node) : null])),
    nearest: Object.fromEntries(
      owned.filter(([, node]) => node === undefined).map(([name]) => [name, nearest(name, names)]),
    ),
    others: Object.fromEntries(paths.map((path) => [path, [...view.othersAt(path, ledger)]])),
    current: Object.fromEntries(
      paths.flatMap((path): [string, Json][] => {
        const winner = view.desired(path);
        return winner === undefined ? [] : [[path, winner.value]];
      }),
    ) as Output["current"],
    stores: view.holders("secret-store").map(({ name, key, seal }) => ({ name, key, seal })),
    coordinators: view.holders("coordinator").flatMap((node) => {
      const roleLog = view.roleLog(node.id, "coordinator");
      if (roleLog === undefined) return [];
      const isSelf = node.id === source.self.id;
      // The last report of this machine may name the port of before its restart.
      const addresses = isSelf ? [...source.ownAddresses()] : [...source.directory.addressesOf(node.id, node.key)];
      const online = isSelf ? ("yes" as const) : source.opinion(node.key).online;
      return [{ name: node.name, id: node.id, key: node.key, roleLog, addresses, online }];
    }),
    recovery: view.recovery,
    preSharedKey: source.hasPreSharedKey,
  };
}

/** `server/{web-1}/label/app` with the id in place of the name; null if nobody owns the name. */
function withIds(view: View, path: string): string | null {
  const name = /\{([^}]*)\}/.exec(path)?.[1];
  if (name === undefined) return path;
  const node = view.nodeByName(name);
  return node === undefined ? null : path.replace(`{${name}}`, node.id);
}

function ownLogs(source: ReadSource, key: string): Output["logs"] {
  return [...source.replica.authority.operators.values()]
    .filter((operator) => operator.key === key && operator.state === "live")
    .sort((a, b) => a.rank - b.rank)
    .map(({ log, name, rank, rights }) => {
      const head = keptHead(source, source.replica.chain(log, CLASS_DESIRED)?.main ?? []);
      return { log, name, rank, rights: [...rights], head };
    });
}

/**
 * Where a ledger ends on the disk of this peer. What a full disk refused counts here until the agent ends: who signed it
 * has to hand it over again, and is not to take it for done.
 */
function keptHead(source: ReadSource, links: readonly ChainLink[]): Output["logs"][number]["head"] {
  const last = links.at(-1)?.entry;
  if (last === undefined) return null;
  if (isKept(source, last)) return { seq: last.header.seq, hash: last.id };
  const { header } = links.find(({ entry }) => !isKept(source, entry))?.entry ?? last;
  return header.seq === 1 ? null : { seq: header.seq - 1, hash: toHex(header.prev) };
}

function isKept(source: ReadSource, entry: Entry | undefined): boolean {
  return entry !== undefined && source.replica.isOnDisk(entry);
}

/** At most 64 parents, the signer's own first, then those that bring the most with them. */
function tipsFor(tips: readonly GraphEntry[], own: ReadonlySet<string>): string[] {
  const isOwn = (tip: GraphEntry): number => (own.has(tip.log) ? 0 : 1);
  return [...tips]
    .sort((a, b) => isOwn(a) - isOwn(b) || b.index - a.index)
    .slice(0, MAX_PARENTS)
    .map(({ entry }) => entry.id);
}

/** Of entries in one answer, so that it goes through the mesh when another peer is asked. */
const AUTHORITY_BYTES = 1024 * 1024;

/** What is neither named nor built upon by what is named, in the order in which it came here. */
function missingAuthority(
  graph: AuthorityGraph,
  knows: readonly string[] | undefined,
): { readonly authority: string[]; readonly more: boolean } {
  if (knows === undefined) return { authority: [], more: false };
  const known = knows.flatMap((id) => graph.find(id)?.index ?? []);
  const has = (index: number) => known.some((tip) => tip === index || graph.isPast(index, tip));
  const authority: string[] = [];
  let room = AUTHORITY_BYTES;
  for (const { entry, index } of graph.entries) {
    if (has(index)) continue;
    room -= entry.bytes.length;
    if (room < 0) return { authority, more: true };
    authority.push(toBase64Url(entry.bytes));
  }
  return { authority, more: false };
}

function subjectOf(source: ReadSource, view: View, node: Node): NonNullable<Output["servers"][string]> {
  const attributes = ATTRIBUTES.flatMap((name): [string, string][] => {
    const value = view.attributeOf(node.id, name);
    return value === undefined ? [] : [[name, value]];
  });
  const { roleLogs } = source.replica.authority;
  const logsOf = (label: string) =>
    [...roleLogs]
      .filter(([, log]) => log.node === node.id && log.label === label && log.state === "live")
      .map(([log]) => ({ log, tips: lastEntries(source, log), end: ledgerEnd(source, log) }));
  return {
    id: node.id,
    key: node.key,
    state: node.state,
    labels: [...view.labelsOf(node.id)],
    attributes: Object.fromEntries(attributes),
    roles: Object.fromEntries([...node.roles].map((label) => [label, logsOf(label)])),
  };
}

/** The last link that counts of the ledger in a role log. */
function ledgerEnd(source: ReadSource, log: string): { seq: number; hash: string } | null {
  const last = source.replica.fold.ledgers.get(log)?.links.at(-1)?.entry;
  return last === undefined ? null : { seq: last.header.seq, hash: last.id };
}

/** Entries of a log that none of its others builds on. */
function lastEntries(source: ReadSource, log: string): string[] {
  const { graph } = source.replica;
  const entries = graph.entries.filter((node) => node.log === log);
  return entries
    .filter((node) => !entries.some((other) => graph.isPast(node.index, other.index)))
    .map(({ entry }) => entry.id);
}
