import { type Finding, findingsOf } from "../../core/alarms/findings.ts";
import { ackOf, silenceOf, silencesOf } from "../../core/alarms/handled.ts";
import type { Hash } from "../../core/rendezvous.ts";
import { type Alarm, type AlarmGround, alarmsOf } from "../../core/alarms/plan.ts";
import type { Scope } from "../../core/model/alarm-route.ts";
import { alarmRoutesOf } from "../../core/model/fleet-reader.ts";
import { mayRead } from "../../core/policy/entitlement.ts";
import { matches, selectorRecord } from "../../core/selector/select.ts";
import type { Term } from "../../core/selector/term.ts";
import { excluded, isMatched } from "../../core/targeting/match.ts";
import type { Targeting } from "../../core/targeting/targeting.ts";
import type { ReadSource } from "../handlers/read-source.ts";
import { type Crew, crewOf } from "./crew.ts";
import type { FactSource } from "./fact-source.ts";
import { meshFacts } from "./facts.ts";

export interface GroundParts {
  readonly source: FactSource;
  /** Asked for only where a route or a silence names servers by a rule. */
  readonly targeting: () => Targeting;
  /** What this peer finds wrong. */
  readonly findings: readonly Finding[];
  readonly hash: Hash;
  readonly nowMs: number;
  readonly crew: Crew;
  /** How long a finding has held here. */
  readonly heldMs: (finding: Finding) => number;
}

/** Routes, and which members have what it takes to deliver by them. */
export type DeliveryGround = Pick<AlarmGround, "members" | "routes" | "canRead" | "isInScope">;

export function deliveryGround(
  source: FactSource,
  targeting: () => Targeting,
  crew: Crew = crewOf(source, null),
): DeliveryGround {
  const view = source.replica.view();
  return {
    members: crew.members,
    routes: alarmRoutesOf(view),
    canRead: (member, secret) => mayRead(view, member, secret),
    isInScope: (server, scope) => isInScope(targeting(), server, scope),
  };
}

/** What this peer knows of alarms, put together for {@link alarmsOf} and {@link tasksOf}. */
export function alarmGround({ source, targeting, findings, hash, nowMs, crew, heldMs }: GroundParts): AlarmGround {
  const view = source.replica.view();
  const silences = silencesOf(view, nowMs);
  return {
    ...deliveryGround(source, targeting, crew),
    nowMs,
    hash,
    self: source.self.id,
    findings: findings.map((finding) => ({ ...finding, heldMs: heldMs(finding) })),
    incidents: crew.incidents,
    ackOf: (alarm) => ackOf(view, alarm),
    silenceOf: (finding) => silenceOf(silences, finding, (server, terms) => fulfils(targeting(), server, terms)),
  };
}

/** What the records of the members say is going on, where no agent runs that could look for itself. */
export function alarmsAtRest(source: ReadSource): readonly Alarm[] {
  const targeting = () => source.targeting();
  const hash: Hash = (bytes) => source.keys.hash(bytes);
  const findings = findingsOf(meshFacts(source));
  const nowMs = source.nowMs();
  return alarmsOf(
    alarmGround({ source, targeting, findings, hash, nowMs, crew: crewOf(source, null), heldMs: () => 0 }),
  );
}

function isInScope(targeting: Targeting, server: string, { rule, exclude }: Scope): boolean {
  const { index } = targeting;
  const place = index.place(server);
  if (place === undefined) return false;
  const group = (name: string) => targeting.groups.get(name)?.members;
  const one = index.nobody();
  one.add(place);
  return isMatched(rule, place, index, group) && !excluded(exclude, one, index, group).has(place);
}

const UNASKED = { state: "", detail: "" };

/** By what operators say of the server; nothing observed has a part in it. */
function fulfils(targeting: Targeting, server: string, terms: readonly Term[]): boolean {
  const place = targeting.index.place(server);
  if (place === undefined) return false;
  const { name, id, labels, environment, region, provider } = targeting.index.at(place);
  const pillars = { sync: UNASKED, puppet: UNASKED, health: UNASKED, identity: UNASKED };
  const size = targeting.sizes.shown(place);
  const groups = targeting.groupsOf(place);
  const record = selectorRecord({
    name,
    id,
    labels,
    groups,
    environment,
    region,
    provider,
    size,
    online: "",
    ...pillars,
  });
  return matches(terms, record);
}
