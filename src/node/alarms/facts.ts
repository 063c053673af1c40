import { MOST_COMPLAINTS } from "../../core/alarms/claims.ts";
import type { Complaint, MemberFacts, MeshFacts } from "../../core/alarms/findings.ts";
import { durationMs } from "../../core/duration.ts";
import { ALARM_AFTER_MS } from "../../core/ports/verdict.ts";
import type { RoleReport } from "../../core/report.ts";
import type { Node, View } from "../../core/view.ts";
import type { FactSource } from "./fact-source.ts";
import { type Others, othersOf } from "./others.ts";

/** What alarms and the warnings of `lab status` look at, as this peer sees it now. */
export function meshFacts(source: FactSource, others: Others = othersOf(source)): MeshFacts {
  const view = source.replica.view();
  const observation = source.observation();
  const self = view.nodes.get(source.self.id);
  const members = self?.state === "active" ? [self, ...others.troubled] : others.troubled;
  const facts = members.map((node): MemberFacts => {
    const isSelf = node.id === source.self.id;
    const report = isSelf ? undefined : source.directory.report(node.id);
    const roles = isSelf ? source.ownRoles() : (report?.roles ?? []);
    const told = isSelf ? ownComplaints(source) : (report?.alarms.complaints ?? []);
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
    members: facts,
    isolated: observation?.isolated ?? null,
    missingRoles: missingRoles(source, others),
    contestedNames: others.contestedNames,
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
export function missingRoles(source: FactSource, others: Others = othersOf(source)): MeshFacts["missingRoles"] {
  const running = runningRoles(source, others);
  const view = source.replica.view();
  return source.definitions
    .filter(({ name }) => !running.has(name))
    .filter(({ name }) => name === "coordinator" || name === "secret-store" || view.holders(name).length > 0)
    .map(({ name, missingEffect }) => ({ role: name, effect: missingEffect }));
}

/** Roles that somebody runs who is heard of. */
export function runningRoles(source: FactSource, others: Others = othersOf(source)): ReadonlySet<string> {
  const running = new Set(others.running);
  const self = source.replica.view().nodes.get(source.self.id);
  if (self?.state !== "active") return running;
  for (const { label, state } of source.ownRoles())
    if (state === "running" && self.roles.has(label)) running.add(label);
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
