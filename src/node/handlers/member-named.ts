import { NotFoundError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { Node, View } from "../../core/view.ts";

/** A member by its name, its id or its key. Throws `NotFound` with the nearest names. */
export function memberNamed(view: View, name: string): Node {
  const node = view.nodeByName(name) ?? view.nodes.get(name) ?? view.nodeByKey(name);
  if (node?.state === "active") return node;
  const names = [...view.nodes.values()].filter(({ state }) => state === "active").map((other) => other.name);
  throw new NotFoundError("peer", name, nearest(name, names));
}
