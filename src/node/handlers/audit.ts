import { decodeAudit } from "../../core/audit.ts";
import { toHex } from "../../core/bytes.ts";
import type { View } from "../../core/view.ts";
import type { AuthorityBody } from "../../crdt/authority/bodies.ts";
import { CLASS_AUDIT, CLASS_DESIRED } from "../../crdt/entry/entry.ts";
import type { AuditEntry } from "../../operations/kinds/audit-entry.ts";
import { operatorName } from "./lists.ts";
import { historyMetaOf } from "../ledger-sizes.ts";
import { isoTime, type ReadSource } from "./read-source.ts";

/** Everything that was allowed or denied: nodes' audit logs, and what operators and coordinators signed. */
export async function listAudit(
  source: ReadSource,
  input: { readonly since?: string; readonly limit?: number },
): Promise<unknown> {
  await source.replica.makeWhole();
  const since = input.since === undefined ? 0 : Date.parse(input.since);
  const all = [...auditLogs(source), ...desiredWrites(source), ...authorityActs(source)]
    .filter(({ time }) => Date.parse(time) >= since)
    .sort((a, b) => (a.time === b.time ? (a.hash < b.hash ? -1 : 1) : a.time < b.time ? -1 : 1));
  return {
    kind: "AuditEntryList",
    meta: historyMetaOf(source),
    items: input.limit === undefined ? all : all.slice(-input.limit),
  };
}

function nodeName(view: View, id: string): string {
  return view.nodes.get(id)?.name ?? id.slice(0, 12);
}

function auditLogs(source: ReadSource): AuditEntry[] {
  const view = source.replica.view();
  return [...source.replica.chains.values()]
    .filter((chain) => chain.class === CLASS_AUDIT)
    .flatMap((chain) =>
      chain.main.map(({ entry }) => {
        const record = decodeAudit(entry.payload);
        return {
          seq: entry.header.seq,
          time: isoTime(record.timeMs),
          node: nodeName(view, chain.log),
          author: `node:${nodeName(view, chain.log)}`,
          epoch: chain.log,
          prev: entry.header.seq === 1 ? null : toHex(entry.header.prev),
          actor: record.actor,
          action: record.action,
          object: record.object,
          decision: record.decision,
          reason: record.reason,
          hash: entry.id,
        };
      }),
    );
}

function desiredWrites(source: ReadSource): AuditEntry[] {
  const view = source.replica.view();
  return [...source.replica.chains.values()]
    .filter((chain) => chain.class === CLASS_DESIRED)
    .flatMap((chain) =>
      chain.main.map(({ entry, writes: all }) => {
        const author = `operator:${operatorName(view, chain.log)}`;
        // Where a ledger begins with what it had come to, the link stands for those before it as well.
        const writes = all.filter(({ origin }) => origin === undefined || origin.entry === entry.id);
        const [first] = writes;
        const more = writes.length > 1 ? ` and ${writes.length - 1} more` : "";
        return {
          seq: entry.header.seq,
          time: isoTime(entry.header.hlc.ms),
          node: "",
          author,
          epoch: chain.log,
          prev: entry.header.seq === 1 ? null : toHex(entry.header.prev),
          actor: author,
          action: writes.every(({ value }) => value === undefined) ? "desired.remove" : "desired.write",
          object: `${first === undefined ? "" : readablePath(view, first.path)}${more}`,
          decision: "allowed" as const,
          reason: "",
          hash: entry.id,
        };
      }),
    );
}

/** A path as people say it: the server's name in place of its id. */
export function readablePath(view: View, path: string): string {
  return path.replace(/^server\/([0-9a-f]{64})\/(?:label\/|attribute\/)?/, (_, id) => `server/${nodeName(view, id)}/`);
}

function authorityActs(source: ReadSource): AuditEntry[] {
  const view = source.replica.view();
  const { graph, authority } = source.replica;
  const seqs = new Map<string, number>();
  return graph.entries.map(({ entry, body, log, index }) => {
    const seq = (seqs.get(log) ?? 0) + 1;
    seqs.set(log, seq);
    const role = authority.roleLogs.get(log);
    const author = role === undefined ? `operator:${operatorName(view, log)}` : `node:${nodeName(view, role.node)}`;
    const isEffective = authority.effective.has(index);
    return {
      seq,
      time: isoTime("at" in body ? body.at : 0),
      node: role === undefined ? "" : nodeName(view, role.node),
      author: log === "" ? "root" : author,
      epoch: log,
      prev: entry.header.parents[0] === undefined ? null : toHex(entry.header.parents[0]),
      actor: log === "" ? "root" : author,
      action: `authority.${entry.header.type}`,
      object: objectOf(view, body),
      decision: isEffective ? ("allowed" as const) : ("denied" as const),
      reason: isEffective ? reasonOf(body) : "void: its writer has not, or no longer, the right",
      hash: entry.id,
    };
  });
}

function reasonOf(body: AuthorityBody): string {
  return body.type === "cut" || body.type === "unrole" ? (body.reason ?? "") : "";
}

/** What an act of authority is about. */
export function objectOf(view: View, body: AuthorityBody): string {
  switch (body.type) {
    case "genesis":
      return `mesh:${body.name}`;
    case "grant":
      return `operator:${body.name}`;
    case "cut":
      return `key:${toHex(body.key).slice(0, 12)}`;
    case "approve":
      return `entry:${toHex(body.entry).slice(0, 12)}`;
    case "enrol":
    case "redeem":
      return `server:${body.name}`;
    case "token":
      return `token:${toHex(body.id)}${body.name === null ? "" : ` for ${body.name}`}`;
    case "role":
    case "unrole":
      return `server:${nodeName(view, toHex(body.node))} ${body.label}`;
    case "checkpoint":
      return `ledger:${body.pins.map(({ log, seq }) => `${operatorName(view, toHex(log))} at ${seq}`).join(", ")}`;
    case "unknown":
      return "";
  }
}
