import { readLabel } from "../model/label.ts";
import { readClassScan } from "../model/scan.ts";
import { readSecretDeclaration } from "../model/secret-declaration.ts";
import { EVERY_SERVER, isRoleLabel, isSecretPath } from "../names.ts";
import { labelPath, scanPath, secretPath, serverLabelPath } from "../paths.ts";
import type { Node, View } from "../view.ts";
import { type Grant, grantsOf } from "./grants.ts";

/**
 * Who may read what, from the desired state alone: a node may read the paths that the labels it was granted name, and
 * those that an operator's scan found in the code of their classes. Exact paths, nothing by default. What a node says
 * about itself plays no part.
 */

/** The roles whose holders keep what is sealed to stores. */
export const SECRET_STORE = "secret-store";

/** A label, and behind a colon the class of it whose code names the secret: `mailserver`, `mailserver:postfix`. */
export type Way = string;

/** All ways in which the declarations give this path to a node, whatever the node's standing. */
export function grantingWays(view: View, node: string, path: string): readonly Way[] {
  if (!isSecretPath(path)) return [];
  const ways = labelsOf(view, node).flatMap((label) =>
    grantsIn(view, label)
      .filter((grant) => grant.path === path)
      .map(({ puppetClass }) => wayOf(label, puppetClass)),
  );
  return [...new Set(ways)];
}

/** All that a node may read now, sorted. */
export function entitledPaths(view: View, node: string): readonly string[] {
  if (!isInGoodStanding(view.nodes.get(node))) return [];
  const paths = labelsOf(view, node).flatMap((label) => grantsIn(view, label).map(({ path }) => path));
  return [...new Set(paths)].sort();
}

export function mayRead(view: View, node: string, path: string): boolean {
  return isInGoodStanding(view.nodes.get(node)) && grantingWays(view, node, path).length > 0;
}

/**
 * True if effective writes ended what once granted this path: the label was taken from the node, it names path or class
 * no more, or a later scan does not find the path. What is merely void took nothing away (`trust.md` §5).
 */
export function isWayTaken(view: View, node: string, path: string, way: Way): boolean {
  const [label = "", ...rest] = way.split(":");
  const puppetClass = rest.length === 0 ? null : rest.join(":");
  const has = label === EVERY_SERVER || view.labelsOf(node).includes(label);
  if (!has && (isRoleLabel(label) || isRemoved(view, serverLabelPath(node, label)))) return true;
  if (!isSettled(view, labelPath(label))) return false;
  const { secrets, puppetClasses } = declaredLabel(view, label);
  if (puppetClass === null) return !secrets.includes(path);
  if (!puppetClasses.some(({ name }) => name === puppetClass)) return true;
  if (!isSettled(view, scanPath(puppetClass))) return false;
  return !grantsIn(view, label).some((grant) => grant.puppetClass === puppetClass && grant.path === path);
}

/** True if the secret may only be served by a store that knows itself to be up to date. */
export function isStrict(view: View, path: string): boolean {
  const declared = view.desired(secretPath(path));
  return declared !== undefined && readSecretDeclaration(path, declared.value, []).strict;
}

/** Age recipients of a value that stores keep: every store and the recovery code, sorted. */
export function storeRecipients(view: View): readonly string[] {
  const recipients = new Set(view.holders(SECRET_STORE).map(({ seal }) => seal));
  if (view.recovery !== null) recipients.add(view.recovery);
  return [...recipients].sort();
}

/** A path that was written and has no value. */
export function isRemoved(view: View, path: string): boolean {
  return view.standing(path) === "removed";
}

/** True if what counts at the path is the last word about it: nothing else that was said there is void and unadopted. */
function isSettled(view: View, path: string): boolean {
  return view.isWritten(path) && view.voidsAt(path).length === 0;
}

/** A node whose name is contested keeps what it holds and gets nothing new (`trust.md` §6). */
function isInGoodStanding(node: Node | undefined): boolean {
  return node?.state === "active" && node.naming === "owned";
}

function labelsOf(view: View, node: string): readonly string[] {
  return [EVERY_SERVER, ...view.labelsOf(node).filter((label) => label !== EVERY_SERVER)];
}

function wayOf(label: string, puppetClass: string | null): Way {
  return puppetClass === null ? label : `${label}:${puppetClass}`;
}

/** Worked out once for a view, and gone with it: a store asks for the same few labels again and again. */
const known = new WeakMap<View, Map<string, readonly Grant[]>>();

function grantsIn(view: View, label: string): readonly Grant[] {
  const grants = known.get(view) ?? new Map<string, readonly Grant[]>();
  known.set(view, grants);
  let found = grants.get(label);
  if (found === undefined) {
    found = grantsOf(declaredLabel(view, label), (puppetClass) => {
      const scan = view.desired(scanPath(puppetClass));
      return scan === undefined ? undefined : readClassScan(puppetClass, scan.value, []);
    });
    grants.set(label, found);
  }
  return found;
}

function declaredLabel(view: View, label: string) {
  return readLabel(label, view.desired(labelPath(label))?.value ?? {}, []);
}
