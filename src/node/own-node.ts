import type { View } from "../core/view.ts";

/**
 * Which member a machine is: the one that its home was made for or, where that is none any more, the one that has its
 * key: an operator may have enrolled the same key anew.
 */
export function ownNode(view: View, key: string, made: string): string {
  if (view.nodes.get(made)?.state === "active") return made;
  const now = view.nodeByKey(key);
  return now?.state === "active" ? now.id : made;
}
