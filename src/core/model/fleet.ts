import { alertPath, declaredServerPath, groupPath, labelPath, scanPath, secretPath, sizePath } from "../paths.ts";
import type { Json } from "../json.ts";
import type { Node, View } from "../view.ts";
import { type Alert, readAlert } from "./alert.ts";
import { compareDiagnostics, type Diagnostic } from "./diagnostic.ts";
import { type Group, readGroup } from "./group.ts";
import { type Label, readLabel } from "./label.ts";
import { type ClassScan, readClassScan } from "./scan.ts";
import { readSecretDeclaration, type SecretDeclaration } from "./secret-declaration.ts";
import { type DeclaredServer, readDeclaredServer, type ServerRecord, type ServerStanding } from "./server.ts";
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
  const prefix = declaredServerPath("");
  const declared = new Map(
    view.desiredUnder(prefix).map(([path, { value }]) => {
      const name = path.slice(prefix.length);
      return [name, readDeclaredServer(name, value, problems)] as const;
    }),
  );
  const servers: ServerRecord[] = [];
  const taken = new Set<string>();
  for (const node of view.nodes.values()) {
    if (node.state === "cut") continue;
    taken.add(node.name);
    const owns = view.nodeByName(node.name)?.id === node.id;
    servers.push(member(view, node, owns ? declared.get(node.name) : undefined));
  }
  for (const [name, { rest: _, labels, ...pending }] of declared) {
    if (taken.has(name)) continue;
    servers.push({ id: null, standing: "pending", declared: true, labels: [...labels].sort(), ...pending });
  }
  return servers.sort((a, b) => compareText(a.name, b.name) || compareText(a.id ?? "", b.id ?? ""));
}

/** Whoever shares a name with its owner has no part in what is declared of it. */
function member(view: View, node: Node, declared: DeclaredServer | undefined): ServerRecord {
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
    puppetClasses: declared?.puppetClasses ?? [],
    disksBytes: declared?.disksBytes ?? [],
    managedBy: declared?.managedBy ?? null,
    declared: declared !== undefined,
  };
}

function standingOf(node: Node): ServerStanding {
  if (node.state === "suspended") return "suspended";
  return node.naming === "owned" ? "enrolled" : "contested";
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
