import type { Json } from "../json.ts";
import {
  alarmRoutePath,
  alertPath,
  declaredServerPath,
  groupPath,
  labelPath,
  scanPath,
  secretPath,
  sizePath,
} from "../paths.ts";
import type { DesiredMark, Node, View } from "../view.ts";
import { readAlarmRoute } from "./alarm-route.ts";
import { readAlert } from "./alert.ts";
import { compareDiagnostics, type Diagnostic } from "./diagnostic.ts";
import type { Fleet } from "./fleet.ts";
import type { AlarmRoute } from "./alarm-route.ts";
import { readGroup } from "./group.ts";
import { readLabel } from "./label.ts";
import { readClassScan } from "./scan.ts";
import { readSecretDeclaration } from "./secret-declaration.ts";
import { type DeclaredServer, readDeclaredServer, type ServerRecord, type ServerStanding } from "./server.ts";
import { readSize } from "./size.ts";

type Read<T> = (name: string, value: Json, problems: Diagnostic[]) => T;

/** Where each kind of record stands, and who reads it. */
const RECORDS = {
  labels: { prefix: labelPath(""), read: readLabel },
  groups: { prefix: groupPath(""), read: readGroup },
  alerts: { prefix: alertPath(""), read: readAlert },
  sizes: { prefix: sizePath(""), read: readSize },
  secrets: { prefix: secretPath(""), read: readSecretDeclaration },
  alarmRoutes: { prefix: alarmRoutePath(""), read: readAlarmRoute },
  scans: { prefix: scanPath(""), read: readClassScan },
} as const;
type Section = keyof typeof RECORDS;
type Sections = Pick<Fleet, Section>;

const SECTIONS = Object.keys(RECORDS) as Section[];
const DECLARED = declaredServerPath("");
const SERVER = "server/";
/** From here on reading everything is no slower, and simpler. */
const MOST_CHANGES = 500;

interface Known extends Sections {
  readonly nodes: View["nodes"];
  readonly mark: DesiredMark;
  readonly declared: ReadonlyMap<string, DeclaredServer>;
  readonly servers: readonly ServerRecord[];
  /** By the path of the record. */
  readonly problems: ReadonlyMap<string, readonly Diagnostic[]>;
  readonly fleet: Fleet;
}

/** Reads leniently: a record that makes no sense is told in `problems` and brings nothing. */
export function fleetOf(view: View): Fleet {
  return new FleetReader().read(view);
}

/** The one kind of record that is wanted all the time, and mostly there is none. */
export function alarmRoutesOf(view: View): readonly AlarmRoute[] {
  const { prefix, read } = RECORDS.alarmRoutes;
  return view.desiredUnder(prefix).map(([path, { value }]) => read(path.slice(prefix.length), value, []));
}

/**
 * Makes a {@link Fleet} of every view of one replica, and reads only what has changed since the one before, while the
 * members are the same. A server whose record is the same is the same object.
 */
export class FleetReader {
  #known: Known | null = null;

  read(view: View): Fleet {
    const known = this.#known;
    const changed = known !== null && known.nodes === view.nodes ? view.changedSince(known.mark) : null;
    const isSmall = changed !== null && changed.length <= MOST_CHANGES;
    this.#known = (isSmall && known !== null ? readChanged(view, known, changed) : null) ?? readAll(view);
    return this.#known.fleet;
  }
}

function readAll(view: View): Known {
  const problems = new Map<string, readonly Diagnostic[]>();
  const section = <T>(prefix: string, read: Read<T>): ReadonlyMap<string, T> =>
    new Map(
      view.desiredUnder(prefix).map(([path, { value }]) => {
        const name = path.slice(prefix.length);
        return [name, noting(problems, path, (found) => read(name, value, found))] as const;
      }),
    );
  const sections = Object.fromEntries(
    SECTIONS.map((name) => [name, section(RECORDS[name].prefix, RECORDS[name].read as Read<unknown>)]),
  ) as unknown as Sections;
  const declared = section(DECLARED, readDeclaredServer);
  return known(view, { ...sections, declared, problems, servers: readServers(view, declared) });
}

/** Null if other servers are there now, so that all places have moved. */
function readChanged(view: View, before: Known, paths: readonly string[]): Known | null {
  if (paths.length === 0) return { ...before, mark: view.mark };
  const problems = new Map(before.problems);
  const sections: Record<string, ReadonlyMap<string, unknown>> = {};
  const declared = new Map(before.declared);
  const ids = new Set<string>();
  const update = <T>(map: Map<string, T>, path: string, prefix: string, read: Read<T>): void => {
    const name = path.slice(prefix.length);
    const winner = view.desired(path);
    problems.delete(path);
    if (winner === undefined) map.delete(name);
    else
      map.set(
        name,
        noting(problems, path, (found) => read(name, winner.value, found)),
      );
  };
  for (const path of new Set(paths)) {
    if (path.startsWith(SERVER)) {
      ids.add(path.split("/", 2)[1] ?? "");
    } else if (path.startsWith(DECLARED)) {
      update(declared, path, DECLARED, readDeclaredServer);
      const name = path.slice(DECLARED.length);
      const owner = view.nodeByName(name);
      // Who is not a member comes and goes with what is declared of it.
      if (owner === undefined || owner.state === "cut") return null;
      ids.add(owner.id);
    } else {
      const section = SECTIONS.find((name) => path.startsWith(RECORDS[name].prefix));
      if (section === undefined) continue;
      sections[section] ??= new Map<string, unknown>(before[section]);
      const { prefix, read } = RECORDS[section];
      update(sections[section] as Map<string, unknown>, path, prefix, read as Read<unknown>);
    }
  }
  const servers = ids.size === 0 ? before.servers : withMembers(view, before.servers, ids, declared);
  return known(view, { ...before, ...(sections as Partial<Sections>), declared, problems, servers });
}

function known(view: View, parts: Omit<Known, "nodes" | "mark" | "fleet">): Known {
  const { labels, groups, alerts, sizes, secrets, alarmRoutes, scans, servers, declared, problems } = parts;
  const all = [...problems.values()].flat().sort(compareDiagnostics);
  const fleet = { servers, labels, groups, alerts, sizes, secrets, alarmRoutes, scans, problems: all };
  return { ...fleet, declared, problems, nodes: view.nodes, mark: view.mark, fleet };
}

function noting<T>(problems: Map<string, readonly Diagnostic[]>, path: string, read: (found: Diagnostic[]) => T): T {
  const found: Diagnostic[] = [];
  const record = read(found);
  if (found.length > 0) problems.set(path, found);
  return record;
}

function withMembers(
  view: View,
  before: readonly ServerRecord[],
  ids: ReadonlySet<string>,
  declared: ReadonlyMap<string, DeclaredServer>,
): readonly ServerRecord[] {
  return before.map((server) => {
    if (server.id === null || !ids.has(server.id)) return server;
    return member(view, view.nodes.get(server.id) as Node, declared);
  });
}

function readServers(view: View, declared: ReadonlyMap<string, DeclaredServer>): ServerRecord[] {
  const servers: ServerRecord[] = [];
  const taken = new Set<string>();
  for (const node of view.nodes.values()) {
    if (node.state === "cut") continue;
    taken.add(node.name);
    servers.push(member(view, node, declared));
  }
  for (const [name, { rest: _, labels, ...pending }] of declared) {
    if (taken.has(name)) continue;
    servers.push({ id: null, standing: "pending", declared: true, labels: [...labels].sort(), ...pending });
  }
  return servers.sort((a, b) => compareText(a.name, b.name) || compareText(a.id ?? "", b.id ?? ""));
}

/** Whoever shares a name with its owner has no part in what is declared of it. */
function member(view: View, node: Node, declarations: ReadonlyMap<string, DeclaredServer>): ServerRecord {
  const owns = view.nodeByName(node.name)?.id === node.id;
  const declared = owns ? declarations.get(node.name) : undefined;
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
