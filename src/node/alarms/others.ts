import type { Node, View } from "../../core/view.ts";
import { isAway } from "../../core/alarms/findings.ts";
import type { FactSource } from "./fact-source.ts";

/** What alarms have to know of the other active members. */
export interface Others {
  /** Those who say that something is wrong with them, and those who are away. */
  readonly troubled: readonly Node[];
  /** What nodes last said of their roles holds while they are heard of, and while they have the label. */
  readonly running: ReadonlySet<string>;
  readonly contestedNames: readonly string[];
  /** Whether the record of anybody, this node's own included, tells of an alarm. */
  readonly tellOfAlarms: boolean;
}

/** {@link othersOf}, and the same again for as long as nothing has changed that it is made of: looking is frequent. */
export class OthersWatch {
  #last: {
    readonly nodes: View["nodes"];
    readonly reports: number;
    readonly verdicts: number;
    readonly others: Others;
  } | null = null;

  look(source: FactSource): Others {
    const observation = source.observation();
    if (observation === null) return othersOf(source);
    // Made anew with every change of authority.
    const { nodes } = source.replica.view();
    const reports = source.replica.observedRevision;
    const verdicts = observation.revision;
    const last = this.#last;
    if (last?.nodes === nodes && last.reports === reports && last.verdicts === verdicts) return last.others;
    const others = othersOf(source);
    this.#last = { nodes, reports, verdicts, others };
    return others;
  }
}

export function othersOf(source: FactSource): Others {
  const observation = source.observation();
  const troubled: Node[] = [];
  const running = new Set<string>();
  const contestedNames: string[] = [];
  for (const node of source.replica.view().nodes.values()) {
    if (node.state !== "active") continue;
    if (node.naming === "contested") contestedNames.push(node.name);
    if (node.id === source.self.id) continue;
    const report = source.directory.report(node.id);
    const roles = report?.roles ?? [];
    const isGone = observation !== null && isAway(observation.verdict(node.key));
    const isFailing = roles.some(({ state }) => state === "failing");
    if (isGone || isFailing || (report?.alarms.complaints.length ?? 0) > 0) troubled.push(node);
    const held = roles.filter(({ label, state }) => state === "running" && node.roles.has(label));
    if (held.length === 0 || source.opinion(node.key).online !== "yes") continue;
    for (const { label } of held) running.add(label);
  }
  return { troubled, running, contestedNames, tellOfAlarms: tellOfAlarms(source) };
}

function tellOfAlarms({ directory }: FactSource): boolean {
  for (const { alarms } of directory.reports().values()) if (alarms.incidents.length > 0) return true;
  return false;
}
