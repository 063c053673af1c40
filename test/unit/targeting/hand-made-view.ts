import { HLC_ZERO } from "../../../src/core/hlc.ts";
import type { Json } from "../../../src/core/json.ts";
import type { Node, PathWinner, View } from "../../../src/core/view.ts";

export interface HandMadeNode extends Partial<Omit<Node, "roles">> {
  readonly labels?: readonly string[];
  readonly roles?: readonly string[];
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A view made of what is declared, without entries: nodes by name, and what stands at which path. */
export function handMadeView(
  nodes: Readonly<Record<string, HandMadeNode>>,
  desired: Readonly<Record<string, Json>> = {},
  revision = 1,
): View {
  const winners = new Map<string, PathWinner>(
    Object.entries(desired)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, value]) => [path, { value, hlc: HLC_ZERO, log: "alice", entry: path }]),
  );
  const all = new Map(
    Object.entries(nodes).map(([name, { labels: _, attributes: __, roles = [], ...facts }]) => {
      const id = facts.id ?? idOf(name);
      const fresh: Node = {
        ...{ id, key: `key-${id}`, seal: `seal-${id}`, name, naming: "owned", state: "active" },
        ...{ how: "enrol", enrolledAtMs: 0, roles: new Set(roles) },
      };
      return [id, { ...fresh, ...facts, roles: new Set(roles) }] as const;
    }),
  );
  const given = new Map(Object.entries(nodes).map(([name, node]) => [node.id ?? idOf(name), node]));
  return {
    mesh: "mesh",
    meshName: "homelab",
    revision,
    nodes: all,
    operators: [],
    tokens: [],
    recovery: null,
    newest: HLC_ZERO,
    departures: () => [],
    nodeByKey: (key) => [...all.values()].find((node) => node.key === key),
    nodeByName: (name) => [...all.values()].find((node) => node.name === name && node.naming === "owned"),
    roleLog: () => undefined,
    holders: (role) => [...all.values()].filter(({ roles }) => roles.has(role)),
    labelsOf: (id) => {
      const { labels = [], roles = [] } = given.get(id) ?? {};
      return [...new Set([...labels, ...roles])].sort();
    },
    attributeOf: (id, attribute) => given.get(id)?.attributes?.[attribute],
    desired: (path) => winners.get(path),
    isWritten: (path) => winners.has(path),
    desiredUnder: (prefix) => [...winners].filter(([path]) => path.startsWith(prefix)),
    mark: { fold: {}, writes: 0 },
    changedSince: () => null,
    conflicts: () => [],
    standing: (path) => (winners.has(path) ? "set" : "unwritten"),
    writesAt: () => [],
    othersAt: () => [],
    voids: () => [],
    voidsAt: () => [],
    pending: () => [],
    forks: () => [],
  };
}

/** Looks like a log's name and tells whose it is. */
export function idOf(name: string): string {
  return [...name]
    .map((letter) => letter.charCodeAt(0).toString(16))
    .join("")
    .padEnd(32, "0");
}
