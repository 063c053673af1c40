import { SECRET_STORE } from "../core/policy/entitlement.ts";
import type { Departure } from "../core/view.ts";
import { type Ender, isOrWas } from "./authority/frontier.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import type { Authority } from "./authority/resolve.ts";

/** Machines that were removed, and stores that are stores no more, by id; whoever came back has not left. */
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
  return [...removed, ...stores].sort((a, b) => (a.node < b.node ? -1 : 1));
}

function departure(
  graph: AuthorityGraph,
  { id, name }: { readonly id: string; readonly name: string },
  from: Departure["from"],
  enders: readonly Ender[],
): Departure {
  return {
    node: id,
    name,
    from,
    atMs: Math.min(...enders.map(({ body }) => body.at)),
    isKnownTo: (tips) => {
      const known = tips.flatMap((tip) => graph.find(tip)?.index ?? []);
      return enders.some(({ index }) => known.some((tip) => isOrWas(graph, index, tip)));
    },
  };
}
