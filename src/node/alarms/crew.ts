import { type AlarmClaims, NO_CLAIMS } from "../../core/alarms/claims.ts";
import { foldClaims } from "../../core/alarms/incidents.ts";
import type { AlarmGround } from "../../core/alarms/plan.ts";
import type { FactSource } from "./fact-source.ts";
import { shownName } from "./facts.ts";
import type { Others } from "./others.ts";

/** The active members as those who tell of alarms, and what they have told of them. */
export type Crew = Pick<AlarmGround, "members" | "incidents">;

/** {@link crewOf}, and the same again for as long as the others are the same and this node claims the same. */
export class CrewWatch {
  #last: { readonly others: Others; readonly own: AlarmClaims; readonly crew: Crew } | null = null;

  look(source: FactSource, others: Others, own: AlarmClaims): Crew {
    if (this.#last?.others === others && isSame(this.#last.own, own)) return this.#last.crew;
    const crew = crewOf(source, own);
    this.#last = { others, own, crew };
    return crew;
  }
}

/** `own` is what this node claims itself, which may be newer than its record; null where the record is all there is. */
export function crewOf(source: FactSource, own: AlarmClaims | null): Crew {
  const observation = source.observation();
  const active = [...source.replica.view().nodes.values()].filter(({ state }) => state === "active");
  const known = active.map((node) => {
    const isSelf = node.id === source.self.id;
    const claims = (isSelf ? own : null) ?? source.directory.report(node.id)?.alarms ?? NO_CLAIMS;
    const verdict = isSelf ? "alive" : (observation?.verdict(node.key) ?? "alive");
    const state = verdict === "alive" || verdict === "suspect" ? "reachable" : "unreachable";
    const by = shownName(node);
    return { by, claims, member: { id: node.id, name: by, state, programs: claims.programs } as const };
  });
  return {
    members: known.map(({ member }) => member),
    incidents: foldClaims(known.map(({ by, claims }) => ({ by, claims }))),
  };
}

/** Complaints are for others to read: nothing here is made of them. */
function isSame(a: AlarmClaims, b: AlarmClaims): boolean {
  return a.incidents === b.incidents && a.deliveries === b.deliveries && a.programs === b.programs;
}
