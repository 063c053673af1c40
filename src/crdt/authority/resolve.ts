import type { Keys } from "../../core/ports/keys.ts";
import type { CheckpointBody } from "./bodies.ts";
import type { Ender, ResolvedCut } from "./frontier.ts";
import type { AuthorityGraph, GraphEntry } from "./graph.ts";
import { type NodePlane, resolveNodes } from "./nodes.ts";
import { type OperatorGrant, resolveOperators } from "./operators.ts";

/** One operator log: one key, one rank, one set of rights, for its whole life. */
export interface OperatorLog extends OperatorGrant {
  /** - `live`: writes count · `cut`: only the kept prefix counts */
  readonly state: "live" | "cut";
  /** The cuts that apply to it. */
  readonly enders: readonly Ender[];
}

export interface ResolvedCheckpoint {
  readonly index: number;
  readonly log: string;
  readonly rank: number;
  readonly body: CheckpointBody;
}

/** Everything that the authority entries mean. A function of their set: no clock, no order of arrival (`trust.md` §1). */
export interface Authority extends Omit<NodePlane, "redeemed"> {
  readonly operators: ReadonlyMap<string, OperatorLog>;
  readonly cuts: readonly ResolvedCut[];
  readonly checkpoints: readonly ResolvedCheckpoint[];
  /** Hex keys behind an entry besides its writer's, by the entry's id. */
  readonly approvals: ReadonlyMap<string, ReadonlySet<string>>;
  readonly effective: ReadonlySet<number>;
}

/** What the entries of a graph mean: operators rank by rank first, then nodes and roles (`trust.md` §4). */
export function resolve(graph: AuthorityGraph, keys: Pick<Keys, "hash">): Authority {
  const entriesByLog = groupByLog(graph);
  const plane = resolveOperators(graph, keys, entriesByLog);
  const { redeemed, ...nodes } = resolveNodes(graph, keys, plane, entriesByLog);
  const operators = new Map<string, OperatorLog>();
  for (const grant of plane.logs.values()) {
    const enders = plane.cuts.applying(grant);
    operators.set(grant.log, { ...grant, enders, state: enders.length === 0 ? "live" : "cut" });
  }
  const checkpoints = [...plane.effective].flatMap((index): ResolvedCheckpoint[] => {
    const { body, log } = graph.at(index);
    const rank = plane.logs.get(log)?.rank;
    return body.type === "checkpoint" && rank !== undefined ? [{ index, log, rank, body }] : [];
  });
  const effective = new Set([...plane.effective, ...redeemed]);
  return { operators, cuts: plane.cuts.all, checkpoints, approvals: plane.approvals, effective, ...nodes };
}

function groupByLog(graph: AuthorityGraph): Map<string, GraphEntry[]> {
  const groups = new Map<string, GraphEntry[]>();
  for (const node of graph.entries) {
    const group = groups.get(node.log);
    if (group === undefined) groups.set(node.log, [node]);
    else group.push(node);
  }
  return groups;
}
