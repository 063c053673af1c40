import { alertPath, groupPath, labelPath, pendingServerPath, scanPath, secretPath, sizePath } from "../paths.ts";
import type { Json } from "../json.ts";
import type { Node, View } from "../view.ts";
import { type Alert, readAlert } from "./alert.ts";
import { compareDiagnostics, type Diagnostic } from "./diagnostic.ts";
import { type Group, readGroup } from "./group.ts";
import { type Label, readLabel } from "./label.ts";
import type { PuppetClass } from "./puppet-class.ts";
import { type ClassScan, readClassScan } from "./scan.ts";
import { readSecretDeclaration, type SecretDeclaration } from "./secret-declaration.ts";
import {
  type DeclaredServer,
  readDeclaredServer,
  readDisks,
  readPendingServer,
  readServerClass,
  type ServerRecord,
  type ServerStanding,
} from "./server.ts";
import { readSize, type Size } from "./size.ts";

/** Everything that decides what applies where: operators' desired state and who is a member. No observation is in it. */
export interface Fleet {
  /** By name, then id. Nodes that were cut are not among them. */
  readonly servers: readonly ServerRecord[];
  readonly labels: ReadonlyMap<string, Label>;
  readonly groups: ReadonlyMap<string, Group>;
  readonly alerts: ReadonlyMap<string, Alert>;
  readonly sizes: ReadonlyMap<string, Size>;
  readonly secrets: ReadonlyMap<string, SecretDeclaration>;
  /** By class. */
  readonly scans: ReadonlyMap<string, ClassScan>;
  /** What in the records could not be read. */
  readonly problems: readonly Diagnostic[];
}

/** Reads leniently: a record that makes no sense is told in `problems` and brings nothing. */
export function fleetOf(view: View): Fleet {
  const problems: Diagnostic[] = [];
  const records = <T>(prefix: string, read: (name: string, value: Json, problems: Diagnostic[]) => T) =>
    new Map(
      view.desiredUnder(prefix).map(([path, { value }]) => {
        const name = path.slice(prefix.length);
        return [name, read(name, value, problems)] as const;
      }),
    );
  return {
    servers: readServers(view, problems),
    labels: records(labelPath(""), readLabel),
    groups: records(groupPath(""), readGroup),
    alerts: records(alertPath(""), readAlert),
    sizes: records(sizePath(""), readSize),
    secrets: records(secretPath(""), readSecretDeclaration),
    scans: records(scanPath(""), readClassScan),
    problems: problems.sort(compareDiagnostics),
  };
}

function readServers(view: View, problems: Diagnostic[]): ServerRecord[] {
  const own = readOwnRecords(view, problems);
  const servers: ServerRecord[] = [];
  const taken = new Set<string>();
  for (const node of view.nodes.values()) {
    if (node.state === "cut") continue;
    taken.add(node.name);
    servers.push(member(view, node, own.get(node.id) ?? NOTHING));
  }
  const prefix = pendingServerPath("");
  for (const [path, { value }] of view.desiredUnder(prefix)) {
    const name = path.slice(prefix.length);
    if (taken.has(name)) continue;
    const { rest: _, labels, ...pending } = readPendingServer(name, value, problems);
    servers.push({ id: null, standing: "pending", declared: true, labels: [...labels].sort(), ...pending });
  }
  return servers.sort((a, b) => compareText(a.name, b.name) || compareText(a.id ?? "", b.id ?? ""));
}

/** What stands under `server/<node>/` beside labels and attributes, which the view knows by itself. */
interface OwnRecords {
  readonly puppetClasses: PuppetClass[];
  disksBytes: readonly number[];
  declared: DeclaredServer | null;
}

const NOTHING: OwnRecords = { puppetClasses: [], disksBytes: [], declared: null };

function readOwnRecords(view: View, problems: Diagnostic[]): Map<string, OwnRecords> {
  const found = new Map<string, OwnRecords>();
  for (const [path, { value }] of view.desiredUnder("server/")) {
    const [, id = "", member = "", ...rest] = path.split("/");
    if (member === "label" || member === "attribute") continue;
    const name = view.nodes.get(id)?.name ?? id;
    const own = found.get(id) ?? { puppetClasses: [], disksBytes: [], declared: null };
    found.set(id, own);
    if (member === "class") own.puppetClasses.push(readServerClass(name, rest.join("/"), value, problems));
    else if (member === "disks") own.disksBytes = readDisks(name, value, problems);
    else if (member === "declared") own.declared = readDeclaredServer(name, value, problems);
  }
  return found;
}

function member(view: View, node: Node, { puppetClasses, disksBytes, declared }: OwnRecords): ServerRecord {
  const attribute = (name: string) => view.attributeOf(node.id, name) ?? null;
  return {
    id: node.id,
    name: node.name,
    standing: standingOf(node),
    labels: view.labelsOf(node.id),
    environment: attribute("environment"),
    region: attribute("region"),
    provider: attribute("provider"),
    size: attribute("size"),
    availability: attribute("availability"),
    alarmAfter: attribute("alarm_after"),
    puppetClasses,
    disksBytes,
    managedBy: declared?.managedBy ?? null,
    declared: declared !== null || view.desired(pendingServerPath(node.name)) !== undefined,
  };
}

function standingOf(node: Node): ServerStanding {
  if (node.state === "suspended") return "suspended";
  return node.naming === "owned" ? "enrolled" : "contested";
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
