import { SECRET_STORE } from "../core/policy/entitlement.ts";
import type { Departure } from "../core/view.ts";
import { type Ender, isOrWas } from "./authority/frontier.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import type { Authority } from "./authority/resolve.ts";

/** Machines that were removed, stores that are stores no more, and operators' keys that were cut; whoever came back has not left. */
export function departuresOf(graph: AuthorityGraph, authority: Authority): readonly Departure[] {
  const nodes = [...authority.nodes.values()];
  const removed = nodes.filter(({ state }) => state === "cut").map((node) => departure(graph, node, "mesh", node.cuts));
  const stores = nodes
    .filter(({ roles }) => !roles.has(SECRET_STORE))
    .flatMap((node) => {
      const logs = [...authority.roleLogs.values()].filter(
        ({ node: id, label }) => id === node.id && label === SECRET_STORE,
      );
      const enders = logs.flatMap((log) => log.enders);
      return enders.length === 0 ? [] : [departure(graph, node, "stores", enders)];
    });
  const all = [...removed, ...stores, ...departedOperators(graph, authority)];
  return all.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** By key: one that has another live log still reads, and one under which nobody writes any more does not. */
function departedOperators(graph: AuthorityGraph, { operators }: Authority): Departure[] {
  const people = [...operators.values()].filter(({ rank }) => rank > 0);
  const byKey = Map.groupBy(people, ({ key }) => key);
  return [...byKey].flatMap(([key, logs]) => {
    const [first] = logs;
    if (first === undefined || logs.some(({ state }) => state === "live")) return [];
    const enders = logs.flatMap((log) => log.enders);
    return [departure(graph, { id: key, name: first.name }, "operators", enders)];
  });
}

function departure(
  graph: AuthorityGraph,
  { id, name }: { readonly id: string; readonly name: string },
  from: Departure["from"],
  enders: readonly Ender[],
): Departure {
  return {
    id,
    name,
    from,
    atMs: Math.min(...enders.map(({ body }) => body.at)),
    isKnownTo: (tips) => {
      const known = tips.flatMap((tip) => graph.find(tip)?.index ?? []);
      return enders.some(({ index }) => known.some((tip) => isOrWas(graph, index, tip)));
    },
  };
}
