import { MOST_COMPLAINTS } from "../../core/alarms/claims.ts";
import type { Complaint, MemberFacts, MeshFacts } from "../../core/alarms/findings.ts";
import { durationMs } from "../../core/duration.ts";
import { ALARM_AFTER_MS } from "../../core/ports/verdict.ts";
import type { RoleReport } from "../../core/report.ts";
import type { Node, View } from "../../core/view.ts";
import type { ReadSource } from "../handlers/read-source.ts";

/** What facts are read from. */
export type FactSource = Pick<
  ReadSource,
  | "replica"
  | "directory"
  | "self"
  | "definitions"
  | "opinion"
  | "observation"
  | "ownRoles"
  | "complaints"
  | "exposures"
  | "nowMs"
>;

/** What alarms and the warnings of `lab status` look at, as this peer sees it now. */
export function meshFacts(source: FactSource): MeshFacts {
  const view = source.replica.view();
  const observation = source.observation();
  const reports = source.directory.reports();
  const active = [...view.nodes.values()].filter(({ state }) => state === "active");
  const members = active.map((node): MemberFacts => {
    const isSelf = node.id === source.self.id;
    const roles = isSelf ? source.ownRoles() : (reports.get(node.id)?.roles ?? []);
    const told = isSelf ? ownComplaints(source) : (reports.get(node.id)?.alarms.complaints ?? []);
    return {
      name: shownName(node),
      verdict: isSelf || observation === null ? "alive" : observation.verdict(node.key),
      // Of whoever is there nobody asks.
      get alarmAfterMs() {
        return alarmAfterMs(view, node);
      },
      complaints: roles.length === 0 ? told : [...told, ...failingRoles(node, roles)],
    };
  });
  return {
    meshName: view.meshName,
    members,
    isolated: observation?.isolated ?? null,
    missingRoles: missingRoles(source),
    contestedNames: active.filter(({ naming }) => naming === "contested").map(({ name }) => name),
    forks: view.forks().filter(({ state }) => state === "frozen"),
    contestedTokens: contestedTokens(view),
    overdueSecrets: overdueSecrets(source),
  };
}

/** Two machines that claim one name are told apart. */
export function shownName({ name, naming, id }: Node): string {
  return naming === "owned" ? name : `${name}~${id.slice(0, 4)}`;
}

/** How long a member may be away; null for ever, as with laptops. */
export function alarmAfterMs(view: View, node: Node | undefined): number | null {
  if (node === undefined) return ALARM_AFTER_MS;
  const { id } = node;
  if (view.attributeOf(id, "availability") === "intermittent") return null;
  return durationMs(view.attributeOf(id, "alarm_after") ?? "") ?? ALARM_AFTER_MS;
}

function failingRoles(node: Node, roles: readonly RoleReport[]): Complaint[] {
  return roles
    .filter(({ state, label }) => state === "failing" && node.roles.has(label))
    .map(({ label, detail }) => ({
      kind: "role-failing",
      subject: label,
      detail: `role ${label} fails there: ${detail}`,
    }));
}

/** Roles that nobody runs who is heard of. Coordinator and store are missed always, others where somebody was given them. */
export function missingRoles(source: FactSource): MeshFacts["missingRoles"] {
  const running = runningRoles(source);
  const view = source.replica.view();
  return source.definitions
    .filter(({ name }) => !running.has(name))
    .filter(({ name }) => name === "coordinator" || name === "secret-store" || view.holders(name).length > 0)
    .map(({ name, missingEffect }) => ({ role: name, effect: missingEffect }));
}

/** What a node last said of its roles holds while it is heard of, and while it has the label. */
export function runningRoles(source: FactSource): ReadonlySet<string> {
  const running = new Set<string>();
  for (const node of source.replica.view().nodes.values()) {
    if (node.state !== "active") continue;
    const isSelf = node.id === source.self.id;
    const roles = isSelf ? source.ownRoles() : (source.directory.reports().get(node.id)?.roles ?? []);
    const held = roles.filter(({ label, state }) => state === "running" && node.roles.has(label));
    if (held.length === 0 || (!isSelf && source.opinion(node.key).online !== "yes")) continue;
    for (const { label } of held) running.add(label);
  }
  return running;
}

/** What is wrong with this machine; stands in its record, so that the others raise it too. */
export function ownComplaints(source: FactSource): Complaint[] {
  return [...source.complaints(), ...lostRecords(source), ...backlog(source)].slice(0, MOST_COMPLAINTS);
}

/** A quarter of what may wait of one author, and of all (`parking-lot.ts`): a mesh that is whole has none. */
const BACKLOG_OF_AUTHOR = 128;
const BACKLOG_ENTRIES = 256;

/** Whoever sends what builds on nothing; else, where they are many, that there are many. */
function backlog({ replica }: FactSource): Complaint[] {
  const view = replica.view();
  const nameOf = (key: string) =>
    view.operators.find((operator) => operator.key === key)?.name ?? view.nodeByKey(key)?.name ?? key.slice(0, 12);
  const authors = [...replica.parked.byAuthor]
    .filter(([, count]) => count >= BACKLOG_OF_AUTHOR)
    .map(([key]) => nameOf(key))
    .sort();
  const waits = "and more wait there for what they build on: lab audit verify";
  if (authors.length > 0) {
    return [...new Set(authors)].map((subject) => {
      return { kind: "backlog", subject, detail: `${BACKLOG_OF_AUTHOR} entries of ${subject} ${waits}` };
    });
  }
  if (replica.parked.entries < BACKLOG_ENTRIES) return [];
  return [{ kind: "backlog", subject: "", detail: `${BACKLOG_ENTRIES} entries ${waits}` }];
}

function lostRecords({ replica }: FactSource): Complaint[] {
  const lost = replica.damaged.length + replica.missing;
  const detail = `${lost} record(s) of the store were lost and are asked for again`;
  return lost === 0 ? [] : [{ kind: "store-damaged", subject: "records", detail }];
}

function overdueSecrets(source: FactSource): MeshFacts["overdueSecrets"] {
  const nowMs = source.nowMs();
  return source
    .exposures()
    .filter(({ deadlineMs }) => deadlineMs !== null && deadlineMs < nowMs)
    .map(({ path, sinceMs, holders }) => ({ path, sinceMs, holders: holders.map(({ name }) => name) }));
}

function contestedTokens(view: View): MeshFacts["contestedTokens"] {
  return view.tokens.flatMap(({ id, redeemedBy }) => {
    const names = redeemedBy.flatMap((node) => {
      const found = view.nodes.get(node);
      return found?.state === "suspended" ? [found.name] : [];
    });
    return names.length > 1 ? [{ id, names: [...new Set(names)].sort() }] : [];
  });
}
