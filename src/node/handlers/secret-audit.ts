import { decodeAudit } from "../../core/audit.ts";
import type { Exposure } from "../../core/exposure/exposure.ts";
import { clockTime } from "../../core/iso-time.ts";
import { secretVersionPath } from "../../core/paths.ts";
import { READ_ACTION, REFUSALS_ACTION, type SilentStore } from "../../core/secrets/grant-log.ts";
import { currentVersions } from "../../core/secrets/version.ts";
import { CLASS_AUDIT } from "../../crdt/entry/entry.ts";
import type { Secret } from "../../operations/kinds/secret.ts";
import type { SecretAccess, SecretFinding } from "../../operations/kinds/secret-report.ts";
import { exposuresNow } from "../secrets/exposure-watch.ts";
import { grantLog } from "./grant-log.ts";
import { listSecrets, versionWriter } from "./lists.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

/** What somebody should know of secrets, the worst first. */
export async function listSecretFindings(source: ReadSource): Promise<unknown> {
  const { silent, beginMs } = await grantLog(source);
  const exposures = await exposuresNow(
    () => source.replica.view(),
    () => grantLog(source),
    source.nowMs(),
  );
  const items = [
    ...exposures.map((exposure) => exposureFinding(source, exposure)),
    ...lostVersionFindings(source),
    ...listed(source).flatMap(declarationFindings),
    ...silent.map(silenceFinding),
    ...(beginMs === null ? [] : [ageFinding(beginMs)]),
  ];
  return { kind: "SecretFindingList", meta: metaOf(source), items };
}

function listed(source: ReadSource): readonly Secret[] {
  return (listSecrets(source) as { readonly items: readonly Secret[] }).items;
}

function declarationFindings({ path, usedBy, version }: Secret): SecretFinding[] {
  const [use] = usedBy;
  if (use === undefined) {
    const text = `Secret "${path}" is defined but not referenced by any code — orphaned?`;
    return [{ kind: "orphaned", severity: "warning", paths: [path], text }];
  }
  if (version !== null) return [];
  const text = `Secret "${path}" referenced by label "${use.label}" but never set — empty!`;
  return [{ kind: "never-set", severity: "warning", paths: [path], text }];
}

const HELD_AS = { machine: "", operator: ", an operator", store: ", a store then" } as const satisfies Record<
  Exposure["holders"][number]["as"],
  string
>;

function exposureFinding(source: ReadSource, { path, type, sinceMs, deadlineMs, holders }: Exposure): SecretFinding {
  const names = holders.map(({ name, as }) => name + HELD_AS[as]).join("; ");
  const since = isoTime(sinceMs).slice(0, 10);
  const what =
    type === "dynamic" || deadlineMs === null
      ? "a store makes a new value"
      : `${deadlineMs < source.nowMs() ? "a new value was due" : "set a new value"} by ${isoTime(deadlineMs).slice(0, 10)}`;
  const text = `Secret "${path}" is exposed since ${since}: it left with ${names} — ${what}`;
  return { kind: "exposed", severity: "critical", paths: [path], text };
}

function lostVersionFindings(source: ReadSource): SecretFinding[] {
  const view = source.replica.view();
  return currentVersions(view).flatMap(({ path }) => {
    const [winner, ...others] = view.writesAt(secretVersionPath(path));
    const lost = others.filter(({ standing }) => standing === "lost");
    if (winner === undefined || lost.length === 0) return [];
    const losers = lost.map(({ log }) => versionWriter(view, log)).join(", ");
    const text = `Secret "${path}" was set twice at once: ${versionWriter(view, winner.log)}'s value counts, that of ${losers} is kept`;
    return [{ kind: "lost-version", severity: "warning" as const, paths: [path], text }];
  });
}

function silenceFinding({ name, standing, sinceMs }: SilentStore): SecretFinding {
  const since = sinceMs === null ? "never heard" : `not heard since ${clockTime(isoTime(sinceMs))}`;
  const text = `Who read what may be incomplete: store ${name} ${since}${standing === "gone" ? ", and removed" : ""}`;
  return { kind: "silent-store", severity: "info", paths: [], text };
}

function ageFinding(beginMs: number): SecretFinding {
  const text = `Who read what before ${clockTime(isoTime(beginMs))} is no longer kept on this machine; stores keep it for 400 days`;
  return { kind: "begins", severity: "info", paths: [], text };
}

/** What stores gave and refused, the latest last. */
export async function listSecretAccesses(
  source: ReadSource,
  { path, since }: { readonly path?: string; readonly since?: string },
): Promise<unknown> {
  const { grants } = await grantLog(source);
  const { nodes } = source.replica.view();
  const nameOf = (id: string) => nodes.get(id)?.name ?? id.slice(0, 12);
  const given = grants.map(
    ({ node, operator, name, path: object, version, times, firstMs, lastMs, store }): SecretAccess => ({
      time: isoTime(lastMs),
      first: isoTime(firstMs),
      path: object,
      machine: operator !== null ? "" : node === null ? name : nameOf(node),
      operator: operator === null ? null : name,
      version,
      decision: "allowed",
      times,
      store: nameOf(store),
      reason: "",
    }),
  );
  const sinceMs = since === undefined ? 0 : Date.parse(since);
  const items = [...given, ...refusals(source, nameOf)]
    .filter((access) => (path === undefined || access.path === path) && Date.parse(access.time) >= sinceMs)
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.path < b.path ? -1 : 1));
  return { kind: "SecretAccessList", meta: metaOf(source), items };
}

/** Also those of machines that refused somebody on themselves. */
function refusals({ replica }: ReadSource, nameOf: (id: string) => string): SecretAccess[] {
  const logs = [...replica.chains.values()].filter((chain) => chain.class === CLASS_AUDIT);
  return logs.flatMap(({ log, main }) =>
    main.flatMap(({ entry }): SecretAccess[] => {
      const { action, actor, decision, object, reason, facts, timeMs } = decodeAudit(entry.payload);
      if (decision !== "denied" || (action !== READ_ACTION && action !== REFUSALS_ACTION)) return [];
      const { times, sinceMs } = facts ?? {};
      const operator = /^operator:(.*)$/.exec(actor)?.[1] ?? null;
      return [
        {
          time: isoTime(timeMs),
          first: isoTime(typeof sinceMs === "number" ? sinceMs : timeMs),
          path: object,
          machine: operator === null ? actor.replace(/^node:/, "") : "",
          operator,
          version: null,
          decision,
          times: typeof times === "number" ? times : 1,
          store: nameOf(log),
          reason,
        },
      ];
    }),
  );
}
