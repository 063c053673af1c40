import type { Json } from "../json.ts";
import { isSecretPath } from "../names.ts";
import { labelPath, secretPath } from "../paths.ts";
import type { Node, View } from "../view.ts";

/**
 * Who may read what, from the desired state alone: a node may read the paths that the labels it was granted declare.
 * Exact paths, nothing by default. What a node says about itself plays no part.
 */

/** The label that every active node has. */
export const EVERY_NODE = "*";

/** The roles whose holders keep what is sealed to stores. */
export const SECRET_STORE = "secret-store";

/** Labels through which the declarations give this path to a node, whatever the node's standing. */
export function grantingLabels(view: View, node: string, path: string): readonly string[] {
  return isSecretPath(path) ? labelsOf(view, node).filter((label) => declaredPaths(view, label).has(path)) : [];
}

/** All that a node may read now, sorted. */
export function entitledPaths(view: View, node: string): readonly string[] {
  if (!isInGoodStanding(view.nodes.get(node))) return [];
  const paths = new Set(labelsOf(view, node).flatMap((label) => [...declaredPaths(view, label)]));
  return [...paths].filter(isSecretPath).sort();
}

export function mayRead(view: View, node: string, path: string): boolean {
  return isInGoodStanding(view.nodes.get(node)) && grantingLabels(view, node, path).length > 0;
}

/** True if the secret may only be served by a store that knows itself to be up to date. */
export function isStrict(view: View, path: string): boolean {
  return asMap(view.desired(secretPath(path))?.value).strict === true;
}

/** Age recipients of a value that stores keep: every store and the recovery code, sorted. */
export function storeRecipients(view: View): readonly string[] {
  const recipients = new Set(view.holders(SECRET_STORE).map(({ seal }) => seal));
  if (view.recovery !== null) recipients.add(view.recovery);
  return [...recipients].sort();
}

/** The paths that a label declares. */
export function declaredPaths(view: View, label: string): ReadonlySet<string> {
  const { secrets } = asMap(view.desired(labelPath(label))?.value);
  return new Set(Array.isArray(secrets) ? secrets.filter((path) => typeof path === "string") : []);
}

/** A node whose name is contested keeps what it holds and gets nothing new (`trust.md` §6). */
function isInGoodStanding(node: Node | undefined): boolean {
  return node?.state === "active" && node.naming === "owned";
}

function labelsOf(view: View, node: string): readonly string[] {
  return [EVERY_NODE, ...view.labelsOf(node).filter((label) => label !== EVERY_NODE)];
}

function asMap(value: Json | undefined): { readonly [key: string]: Json } {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as { readonly [key: string]: Json }) : {};
}
