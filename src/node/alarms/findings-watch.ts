import { type Complaint, type Finding, findingsOf, type MeshFacts } from "../../core/alarms/findings.ts";
import { equalJson, type Json } from "../../core/json.ts";
import { aboutServer } from "../../core/paths.ts";
import type { RoleReport } from "../../core/report.ts";
import type { DesiredMark, View } from "../../core/view.ts";
import type { FactSource } from "./fact-source.ts";
import { meshFacts, ownComplaints } from "./facts.ts";
import type { Others } from "./others.ts";

interface Ground {
  /** Made anew with every change of authority. */
  readonly nodes: View["nodes"];
  /** Of what operators write only what is said about the troubled has a part in it. */
  readonly mark: DesiredMark;
  readonly others: Others;
  /** Null while no log has forked: then only authority can bring a fork. */
  readonly forkedContents: number | null;
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
    const { replica } = source;
    const view = replica.view();
    const ground: Ground = {
      nodes: view.nodes,
      mark: view.mark,
      others,
      forkedContents: replica.wasForked ? replica.contents : null,
      said: { roles: source.ownRoles(), complaints: ownComplaints(source), isolated },
    };
    const last = this.#last;
    const findings =
      last !== null && isSame(last.ground, ground, view) ? last.findings : findingsOf(meshFacts(source, others));
    this.#last = { ground, findings };
    return findings;
  }
}

function isSame(a: Ground, b: Ground, view: View): boolean {
  if (a.nodes !== b.nodes || a.others !== b.others || a.forkedContents !== b.forkedContents) return false;
  const written = view.changedSince(a.mark);
  if (written === null || written.some((path) => isAbout(b.others, path))) return false;
  return equalJson(a.said as unknown as Json, b.said as unknown as Json);
}

function isAbout({ troubled }: Others, path: string): boolean {
  return troubled.some(({ id }) => path.startsWith(aboutServer(id)));
}
