import { type Complaint, type Finding, findingsOf, type MeshFacts } from "../../core/alarms/findings.ts";
import { equalJson, type Json } from "../../core/json.ts";
import type { RoleReport } from "../../core/report.ts";
import type { View } from "../../core/view.ts";
import type { FactSource } from "./fact-source.ts";
import { meshFacts, ownComplaints } from "./facts.ts";
import type { Others } from "./others.ts";

interface Ground {
  readonly view: View;
  readonly others: Others;
  readonly contents: number;
  /** What is compared by what it says. */
  readonly said: {
    readonly roles: readonly RoleReport[];
    readonly complaints: readonly Complaint[];
    readonly isolated: MeshFacts["isolated"];
  };
}

/** What is wrong, and the same again for as long as nothing has changed that it is made of: looking is frequent. */
export class FindingsWatch {
  #last: { readonly ground: Ground; readonly findings: readonly Finding[] } | null = null;

  look(source: FactSource, others: Others): readonly Finding[] {
    const observation = source.observation();
    // What is exposed is overdue by time alone.
    if (observation === null || source.exposures().length > 0) return findingsOf(meshFacts(source, others));
    const { isolated } = observation;
    const said = { roles: source.ownRoles(), complaints: ownComplaints(source), isolated };
    const ground: Ground = { view: source.replica.view(), others, contents: source.replica.contents, said };
    if (this.#last !== null && isSame(this.#last.ground, ground)) return this.#last.findings;
    const findings = findingsOf(meshFacts(source, others));
    this.#last = { ground, findings };
    return findings;
  }
}

function isSame(a: Ground, b: Ground): boolean {
  const isSameHere = a.view === b.view && a.others === b.others && a.contents === b.contents;
  return isSameHere && equalJson(a.said as unknown as Json, b.said as unknown as Json);
}
