import { toHex } from "../../core/bytes.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import { type CurrentVersion, currentVersions, STORE_CLASS } from "../../core/secrets/version.ts";
import type { Node } from "../../core/view.ts";
import type { GraphEntry } from "../../crdt/authority/graph.ts";
import type { ReadSource } from "./read-source.ts";

/** A machine that was a store, and what it could read that is still in use. */
export interface FormerStore {
  readonly node: Node;
  readonly paths: readonly string[];
}

/**
 * A store reads every value that is sealed to stores. Whoever was one and is not has read what was set by somebody who
 * did not know that it had lost the label: all of that is to be rotated. Sorted by name, without those that could read
 * nothing of what is in use.
 */
export function formerStores(source: ReadSource): FormerStore[] {
  const { replica } = source;
  const view = replica.view();
  const logs = [...replica.authority.roleLogs.values()].filter(({ label }) => label === SECRET_STORE);
  const current = currentVersions(view).filter(({ metadata }) => metadata.class === STORE_CLASS);
  return [...new Set(logs.map(({ node }) => node))]
    .flatMap((id) => view.nodes.get(id) ?? [])
    .filter(({ id, state, roles }) => state === "cut" || !roles.has(SECRET_STORE) || !view.nodes.has(id))
    .map((node) => {
      const ends = endsOf(source, node);
      const paths = current.filter((version) => !knew(source, version, ends)).map(({ path }) => path);
      return { node, paths };
    })
    .filter(({ paths }) => paths.length > 0)
    .sort((a, b) => (a.node.name < b.node.name ? -1 : 1));
}

/** What took the label, or the machine. */
function endsOf({ replica }: ReadSource, { id, key }: Node): readonly GraphEntry[] {
  return replica.graph.entries.filter(({ index, body }) => {
    if (!replica.authority.effective.has(index)) return false;
    if (body.type === "unrole") return toHex(body.node) === id && body.label === SECRET_STORE;
    return body.type === "cut" && toHex(body.key) === key;
  });
}

/** True if the writer of the version knew one of these: then it sealed the value to the stores that were left. */
function knew({ replica }: ReadSource, { metadata }: CurrentVersion, ends: readonly GraphEntry[]): boolean {
  const tips = metadata.tips.flatMap((tip) => replica.graph.find(tip) ?? []);
  return ends.some((end) => tips.some(({ index }) => index === end.index || replica.graph.isPast(end.index, index)));
}
