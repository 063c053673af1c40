import { labelPath, secretPath, secretVersionPath } from "../../core/paths.ts";
import type { View } from "../../core/view.ts";
import type { Conflict } from "../../operations/kinds/conflict.ts";
import type { Label } from "../../operations/kinds/label.ts";
import type { Operator } from "../../operations/kinds/operator.ts";
import type { Peer } from "../../operations/kinds/peer.ts";
import type { Secret } from "../../operations/kinds/secret.ts";
import type { Token } from "../../operations/kinds/token.ts";
import { isoTime, metaOf, type ReadSource } from "./read-source.ts";

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf<T>(value: unknown, is: (item: unknown) => item is T): T[] {
  return Array.isArray(value) ? value.filter(is) : [];
}

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
const textOr = <T>(value: unknown, other: T): string | T => (isText(value) ? value : other);

export function operatorName(view: View, log: string): string {
  return view.operators.find((operator) => operator.log === log)?.name ?? log.slice(0, 12);
}

export function listPeers(source: ReadSource): unknown {
  const view = source.replica.view();
  const items: Peer[] = [...view.nodes.values()]
    .filter(({ state }) => state === "active")
    .map((node) => {
      const isSelf = node.key === source.self.key;
      const opinion = source.opinion(node.key);
      const roles = isSelf ? source.ownRoles() : (source.directory.reports().get(node.id)?.roles ?? []);
      return {
        name: node.name,
        id: node.id,
        online: isSelf ? ("yes" as const) : opinion.online,
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

export function listLabels(source: ReadSource): unknown {
  const view = source.replica.view();
  const counts = new Map<string, number>();
  for (const node of view.nodes.values()) {
    if (node.state !== "active") continue;
    for (const label of view.labelsOf(node.id)) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const declared = new Map(
    view.desiredUnder(labelPath("")).map(([path, { value }]) => [path.slice(labelPath("").length), fieldsOf(value)]),
  );
  const items = [...new Set([...counts.keys(), ...declared.keys()])].sort().map((name): Label => {
    const fields = declared.get(name) ?? {};
    return {
      name,
      puppetClasses: listOf(
        fields.puppetClasses,
        (item): item is Label["puppetClasses"][number] => isText(item) || isText(fieldsOf(item).name),
      ),
      ports: listOf(fields.ports, isNumber),
      size: textOr(fields.size, null),
      alerts: listOf(fields.alerts, isText),
      secrets: listOf(fields.secrets, isText),
      servers: counts.get(name) ?? 0,
      containers: null,
    };
  });
  return { kind: "LabelList", meta: metaOf(source), items };
}

export function listSecrets(source: ReadSource): unknown {
  const view = source.replica.view();
  const declared = new Map(
    view.desiredUnder(secretPath("")).map(([path, { value }]) => [path.slice(secretPath("").length), fieldsOf(value)]),
  );
  const versions = new Map(
    view
      .desiredUnder(secretVersionPath(""))
      .map(([path, winner]) => [path.slice(secretVersionPath("").length), winner]),
  );
  const users = labelsBySecret(view);
  const paths = [...new Set([...declared.keys(), ...versions.keys(), ...users.keys()])].sort();
  const items = paths.map((path): Secret => {
    const fields = declared.get(path) ?? {};
    const version = versions.get(path);
    const usedBy = users.get(path) ?? [];
    const unused = usedBy.length === 0 ? "orphaned" : "ok";
    return {
      path,
      type: fields.type === "dynamic" ? "dynamic" : "static",
      class: fields.class === "sealed" ? "sealed" : "store",
      generator: textOr(fields.generator, null),
      version: version?.entry ?? null,
      usedBy,
      setBy: version === undefined ? null : operatorName(view, version.log),
      lastRotated: version === undefined ? null : isoTime(version.hlc.ms),
      expires: null,
      status: version === undefined ? "never set" : unused,
    };
  });
  return { kind: "SecretList", meta: metaOf(source), items };
}

function labelsBySecret(view: View): Map<string, Secret["usedBy"]> {
  const users = new Map<string, Secret["usedBy"]>();
  for (const [path, { value }] of view.desiredUnder(labelPath(""))) {
    const label = path.slice(labelPath("").length);
    const nodes = [...view.nodes.values()].filter(({ state }) => state === "active");
    const servers = nodes.filter(({ id }) => label === "*" || view.labelsOf(id).includes(label)).length;
    for (const secret of listOf(fieldsOf(value).secrets, isText)) {
      users.set(secret, [...(users.get(secret) ?? []), { label, servers }]);
    }
  }
  return users;
}

export function listTokens(source: ReadSource): unknown {
  const view = source.replica.view();
  const items = view.tokens.map((token): Token => {
    const issuer = [...view.nodes.values()].find((node) => view.roleLog(node.id, "coordinator") === token.issuer);
    const expired = source.nowMs() > token.expiresMs;
    const open = issuer === undefined ? "void" : expired ? "expired" : "open";
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
        scope: "*",
        state: operator.state,
      }),
    )
    .sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
  return { kind: "OperatorList", meta: metaOf(source), items };
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
