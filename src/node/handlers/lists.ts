import { toHex } from "../../core/bytes.ts";
import { revokedTokenPath, secretVersionPath } from "../../core/paths.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import type { View } from "../../core/view.ts";
import type { Conflict } from "../../operations/kinds/conflict.ts";
import type { Operator } from "../../operations/kinds/operator.ts";
import type { Peer } from "../../operations/kinds/peer.ts";
import type { Secret } from "../../operations/kinds/secret.ts";
import type { Token } from "../../operations/kinds/token.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

export function operatorName(view: View, log: string): string {
  return view.operators.find((operator) => operator.log === log)?.name ?? log.slice(0, 12);
}

/** Who wrote a version: an operator, or the store that made it. */
export function versionWriter(view: View, log: string): string {
  const store = view.holders(SECRET_STORE).find(({ id }) => view.roleLog(id, SECRET_STORE) === log);
  return store?.name ?? operatorName(view, log);
}

export function listPeers(source: ReadSource): unknown {
  const view = source.replica.view();
  const items: Peer[] = [...view.nodes.values()]
    .filter(({ state }) => state === "active")
    .map((node) => {
      const isSelf = node.key === source.self.key;
      const opinion = source.opinion(node.key);
      const held = source.verdict(node.key);
      const roles = isSelf ? source.ownRoles() : (source.directory.report(node.id)?.roles ?? []);
      return {
        name: node.name,
        id: node.id,
        online: isSelf ? ("yes" as const) : opinion.online,
        ...(held === null ? {} : { verdict: held.verdict, verdictSince: isoTime(held.sinceMs) }),
        rttMs: isSelf ? 0 : opinion.rttMs,
        connected: isSelf ? ("direct" as const) : opinion.connected,
        roles: roles.filter(({ state }) => state === "running").map(({ label }) => label),
        lastHeard: isSelf
          ? isoTime(source.nowMs())
          : opinion.lastHeardMs === null
            ? null
            : isoTime(opinion.lastHeardMs),
        missingEntries: isSelf ? 0 : null,
      };
    });
  return { kind: "PeerList", meta: metaOf(source), items: items.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

export function listSecrets(source: ReadSource): unknown {
  const view = source.replica.view();
  const { fleet, index, secrets } = source.targeting();
  const versions = new Map(
    view
      .desiredUnder(secretVersionPath(""))
      .map(([path, winner]) => [path.slice(secretVersionPath("").length), winner]),
  );
  const users = new Map<string, Secret["usedBy"]>();
  for (const label of [...fleet.labels.keys()].sort()) {
    const servers = index.labelled(label).size;
    for (const path of new Set(secrets.grants(label).map((grant) => grant.path))) {
      users.set(path, [...(users.get(path) ?? []), { label, servers }]);
    }
  }
  const paths = [...new Set([...fleet.secrets.keys(), ...versions.keys(), ...users.keys()])].sort();
  const items = paths.map((path): Secret => {
    const declared = fleet.secrets.get(path);
    const version = versions.get(path);
    const usedBy = users.get(path) ?? [];
    const unused = usedBy.length === 0 ? "orphaned" : "ok";
    return {
      path,
      type: declared?.type ?? "static",
      class: declared?.class ?? "store",
      generator: declared?.generator ?? null,
      version: version?.entry ?? null,
      usedBy,
      setBy: version === undefined ? null : versionWriter(view, version.log),
      lastRotated: version === undefined ? null : isoTime(version.hlc.ms),
      expires: null,
      status: version === undefined ? "never set" : unused,
    };
  });
  return { kind: "SecretList", meta: metaOf(source), items };
}

export function listTokens(source: ReadSource): unknown {
  const view = source.replica.view();
  const items = view.tokens.map((token): Token => {
    const issuer = [...view.nodes.values()].find((node) => view.roleLog(node.id, "coordinator") === token.issuer);
    const expired = source.nowMs() > token.expiresMs;
    const revoked = view.desired(revokedTokenPath(token.id)) !== undefined;
    const open = revoked ? "revoked" : issuer === undefined ? "void" : expired ? "expired" : "open";
    return {
      id: token.id,
      name: token.name,
      labels: [...token.labels, ...token.roles].sort(),
      expires: isoTime(token.expiresMs),
      issuer: issuer?.name ?? token.issuer.slice(0, 12),
      status: token.redeemedBy.length > 0 ? "redeemed" : open,
    };
  });
  return { kind: "TokenList", meta: metaOf(source), items };
}

export function listOperators(source: ReadSource): unknown {
  const items = source.replica
    .view()
    .operators.map(
      (operator): Operator => ({
        name: operator.name,
        id: operator.log,
        key: operator.key,
        rank: operator.rank,
        rights: [...operator.rights],
        ...noteOf(source, operator.log),
        scope: "*",
        state: operator.state,
      }),
    )
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) ||
        (a.state === b.state ? (a.id < b.id ? -1 : 1) : a.state === "live" ? -1 : 1),
    );
  return { kind: "OperatorList", meta: metaOf(source), items };
}

function noteOf({ replica }: ReadSource, log: string): Pick<Operator, "need" | "device"> {
  const grant = replica.authority.operators.get(log);
  if (grant === undefined) return { device: null };
  const { body } = replica.graph.at(grant.opening);
  const founder = body.type === "genesis" ? body.founders.find(({ key }) => toHex(key) === grant.key) : undefined;
  const device = body.type === "grant" ? body.device : founder?.device;
  return { need: { ...grant.need }, device: device ?? null };
}

export function listConflicts(source: ReadSource): unknown {
  const view = source.replica.view();
  const items = view.conflicts().map(({ path, winner, losers }): Conflict => {
    const side = (write: typeof winner) => ({
      author: operatorName(view, write.log),
      value: write.value ?? null,
      time: isoTime(write.hlc.ms),
    });
    return { path, winner: side(winner), losers: losers.map(side) };
  });
  return { kind: "ConflictList", meta: metaOf(source), items };
}
