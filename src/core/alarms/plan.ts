import type { AlarmRoute, Scope } from "../model/alarm-route.ts";
import { secretsOf } from "../model/alarm-route.ts";
import { SEVERITIES, type Severity } from "../model/alert.ts";
import type { IncidentClaim, Told } from "./claims.ts";
import type { Finding } from "./findings.ts";
import type { Acknowledgement, Silence } from "./handled.ts";
import { type Hash, rendezvous } from "../rendezvous.ts";
import { alarmId, type Incident } from "./incidents.ts";
import { KIND_TRAITS } from "./kinds.ts";
import { type Turn, turnAt } from "../turns.ts";

/** A member that may act for all. */
export interface AlarmMember {
  readonly id: string;
  readonly name: string;
  readonly state: "reachable" | "unreachable";
  /** Programs that it has for routes. */
  readonly programs: readonly string[];
}

/** All that alarms follow from, as one observer knows it. */
export interface AlarmGround {
  readonly nowMs: number;
  /** Id of the observer. */
  readonly self: string;
  readonly hash: Hash;
  /** With the time for which the observer has seen each of them without a gap. */
  readonly findings: readonly (Finding & { readonly heldMs: number })[];
  readonly incidents: ReadonlyMap<string, Incident>;
  /** The observer among them. */
  readonly members: readonly AlarmMember[];
  readonly routes: readonly AlarmRoute[];
  canRead(member: string, secret: string): boolean;
  isInScope(server: string, scope: Scope): boolean;
  ackOf(alarm: string): Acknowledgement | null;
  silenceOf(finding: Pick<Finding, "kind" | "server">): Silence | null;
}

/** Something that a person must be told of, as one observer sees it. */
export interface Alarm extends Omit<IncidentClaim, "untilMs"> {
  readonly severity: Severity;
  /** Null until some member has raised it for all. */
  readonly raisedBy: string | null;
  readonly deliveries: Incident["deliveries"];
  readonly acknowledged: Acknowledgement | null;
  readonly silenced: Silence | null;
}

/** What one of several members has to do, in the order in which they may. */
export type AlarmTask = {
  /** The same for every member, as long as it is to be done. */
  readonly key: string;
  /** How long it has to be due before the first one acts. */
  readonly delayMs: number;
  /** Ids of members. */
  readonly line: readonly string[];
} & (
  | { readonly do: "open" | "close"; readonly claim: IncidentClaim }
  | { readonly do: "deliver"; readonly route: AlarmRoute; readonly told: Told; readonly claim: RaisedClaim }
);

export type RaisedClaim = IncidentClaim & { readonly raisedBy: string };

/** What comes back and stays is over: a connection that flickers is not told twice. */
const CLOSE_AFTER_MS = 10_000;
/** Nobody is told any more that what he heard of is over. */
const RESOLVED_WITHIN_MS = 24 * 3_600_000;
/** What the others' records may take to arrive, for each who would be first and is not there for this observer. */
const GRACE_MS = 2_000;
const MOST_GRACES = 3;

/** What is to be told now, by kind and subject. Whoever is isolated tells nothing but that. */
export function alarmsOf(ground: AlarmGround): readonly Alarm[] {
  const found = new Map<string, Alarm>();
  for (const finding of ground.findings) {
    const claim = claimOf(ground, finding);
    if (claim !== null) found.set(claim.id, alarm(ground, claim));
  }
  if (!isIsolated(ground)) {
    for (const { id, open } of ground.incidents.values()) {
      if (open !== null && !found.has(id)) found.set(id, alarm(ground, open));
    }
  }
  return [...found.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** What members have to do about it, whoever does it; the order of what the ground holds has no part in it. */
export function tasksOf(ground: AlarmGround): readonly AlarmTask[] {
  const findings = new Map(ground.findings.map((finding) => [alarmId(ground.hash, finding), finding]));
  const tasks = [
    ...[...findings].flatMap(([id, finding]) => openTask(ground, id, finding)),
    ...[...ground.incidents.values()].flatMap((incident) => [
      ...closeTask(ground, incident, findings.get(incident.id)),
      ...ground.routes.flatMap((route) => deliverTask(ground, incident, findings.get(incident.id), route)),
    ]),
  ];
  return tasks.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The turn of this member, if it is its turn now; null while it is somebody else's. */
export function turnOf(task: AlarmTask, member: string, dueMs: number): Turn | null {
  const waitedMs = dueMs - task.delayMs;
  if (waitedMs < 0 || task.line.length === 0) return null;
  const turn = turnAt(waitedMs, task.line.length);
  return task.line[turn.place] === member ? turn : null;
}

function openTask(ground: AlarmGround, id: string, finding: AlarmGround["findings"][number]): AlarmTask[] {
  const claim = claimOf(ground, finding);
  if (claim === null || ground.incidents.get(id)?.open) return [];
  return [{ do: "open", key: `open ${id}`, ...lineOf(ground, id, finding, () => true), claim }];
}

/** Whoever raised it knows best when it is over; others say so only when that one is gone. */
function closeTask(ground: AlarmGround, { id, open }: Incident, finding: Finding | undefined): AlarmTask[] {
  if (open === null || finding !== undefined || isIsolated(ground)) return [];
  const { raisedBy, ...claim } = open;
  const raiser = ground.members.find(({ name, state }) => name === raisedBy && state === "reachable");
  const { line, delayMs } = raiser ? { line: [raiser.id], delayMs: 0 } : lineOf(ground, id, open, () => true);
  const over = { ...claim, untilMs: Math.max(ground.nowMs, open.sinceMs) };
  return [{ do: "close", key: `close ${id}`, delayMs: CLOSE_AFTER_MS + delayMs, line, claim: over }];
}

function deliverTask(
  ground: AlarmGround,
  incident: Incident,
  finding: Finding | undefined,
  route: AlarmRoute,
): AlarmTask[] {
  const { id, open, closed, closedMs } = incident;
  const claim = open ?? (closed === null ? null : { ...closed, raisedBy: "" });
  if (claim === null || !isFor(ground, route, claim) || ground.silenceOf(claim) !== null) return [];
  const told = incident.deliveries.filter((delivery) => delivery.route === route.name);
  const raised = told.filter((delivery) => delivery.told === "raised");
  const line = lineOf(ground, `${id} ${route.name}`, claim, (member) => canDeliver(ground, route, member));
  const task = { do: "deliver", ...line, route } as const;
  if (open === null) {
    const lastMs = Math.max(0, ...raised.map(({ sinceMs }) => sinceMs));
    const isTold = told.some((delivery) => delivery.told === "resolved" && delivery.sinceMs >= lastMs);
    const isOld = ground.nowMs - closedMs > RESOLVED_WITHIN_MS;
    if (lastMs === 0 || isTold || isOld || isIsolated(ground)) return [];
    const over = { ...claim, sinceMs: lastMs, untilMs: closedMs };
    return [{ ...task, key: `resolved ${id} ${route.name} ${lastMs}`, told: "resolved", claim: over }];
  }
  // Whoever finds nothing wrong tells nobody that something is: it will soon be over.
  if (finding === undefined || isAcknowledged(ground, id, open.sinceMs)) return [];
  const latestMs = Math.max(0, ...raised.filter(({ sinceMs }) => sinceMs > closedMs).map(({ atMs }) => atMs));
  const againMs =
    route.repeatEverySeconds === null ? Number.POSITIVE_INFINITY : latestMs + route.repeatEverySeconds * 1000;
  if (latestMs > 0 && ground.nowMs < againMs) return [];
  return [{ ...task, key: `raised ${id} ${route.name} ${latestMs}`, told: "raised", claim: open }];
}

/** Null while it has not held long enough. What was over since has to hold anew. */
function claimOf(ground: AlarmGround, finding: AlarmGround["findings"][number]): IncidentClaim | null {
  const { kind, about, server, detail, afterMs, heldMs } = finding;
  const id = alarmId(ground.hash, finding);
  const { open = null, closedMs = 0 } = ground.incidents.get(id) ?? {};
  const claim = { id, kind, about, server, detail, untilMs: null };
  if (open !== null) return { ...claim, sinceMs: open.sinceMs };
  if (Math.min(heldMs, ground.nowMs - closedMs) < afterMs) return null;
  return { ...claim, sinceMs: Math.max(Math.round(ground.nowMs - heldMs), closedMs + 1) };
}

function alarm(ground: AlarmGround, claim: IncidentClaim): Alarm {
  const { id, kind, about, server, detail, sinceMs } = claim;
  const incident = ground.incidents.get(id);
  const ack = ground.ackOf(id);
  return {
    id,
    kind,
    about,
    server,
    detail,
    sinceMs,
    severity: KIND_TRAITS[kind].severity,
    raisedBy: incident?.open?.raisedBy ?? null,
    deliveries: (incident?.deliveries ?? []).filter((delivery) => delivery.sinceMs > (incident?.closedMs ?? 0)),
    acknowledged: ack !== null && sinceMs <= ack.sinceMs ? ack : null,
    silenced: ground.silenceOf(claim),
  };
}

function isAcknowledged(ground: AlarmGround, id: string, sinceMs: number): boolean {
  const ack = ground.ackOf(id);
  return ack !== null && sinceMs <= ack.sinceMs;
}

function isIsolated({ findings }: AlarmGround): boolean {
  return findings.some(({ kind }) => kind === "isolated");
}

function isFor(ground: AlarmGround, route: AlarmRoute, { kind, server }: Pick<Finding, "kind" | "server">): boolean {
  if (route.channel === null) return false;
  if (route.kinds.length > 0 && !route.kinds.includes(kind)) return false;
  if (SEVERITIES.indexOf(KIND_TRAITS[kind].severity) < SEVERITIES.indexOf(route.severity)) return false;
  return route.about === null || (server !== null && ground.isInScope(server, route.about));
}

/** Whether a member has what it takes to deliver by a route, be it reachable or not. */
export function canDeliver(
  ground: Pick<AlarmGround, "canRead" | "isInScope">,
  route: AlarmRoute,
  { id, name, programs }: AlarmMember,
): boolean {
  if (route.via !== null && !ground.isInScope(name, route.via)) return false;
  if (route.channel?.kind === "command" && !programs.includes(route.channel.program)) return false;
  return secretsOf(route).every((secret) => ground.canRead(id, secret));
}

/**
 * Those who can be reached, in the order of the hash; whoever is gone cannot tell that it is. Observers can differ about
 * who is there: one that is first only because it misses others gives them a moment to have been first.
 */
function lineOf(
  { self, hash, members }: AlarmGround,
  what: string,
  { kind, server }: Pick<Finding, "kind" | "server">,
  can: (member: AlarmMember) => boolean,
): Pick<AlarmTask, "line" | "delayMs"> {
  const able = members.filter((member) => !(kind === "unreachable" && member.name === server) && can(member));
  const reachable = new Set(able.filter(({ state }) => state === "reachable").map(({ id }) => id));
  const order = rendezvous(
    hash,
    what,
    able.map(({ id }) => id),
  );
  const missed = order.slice(0, Math.max(0, order.indexOf(self))).filter((id) => !reachable.has(id));
  const delayMs = GRACE_MS * Math.min(MOST_GRACES, missed.length);
  return { line: order.filter((id) => reachable.has(id)), delayMs };
}

function key({ kind, about }: Pick<Finding, "kind" | "about">): string {
  return `${kind} ${about}`;
}
