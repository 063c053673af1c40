import { SECRET_STORE } from "../core/policy/entitlement.ts";
import type { AuthorityGraph } from "./authority/graph.ts";
import { CLASS_AUDIT, CLASS_DESIRED, CLASS_GENERATED, type Entry } from "./entry/entry.ts";

/**
 * - `admitted`: new, checked and on disk · `known`: was here already, if only until it was let go of
 * - `waiting`: what it builds on is not here yet
 * - `refused`: wrong for ever, for the reason given
 */
export interface Admission {
  readonly id: string;
  readonly state: "admitted" | "known" | "waiting" | "refused";
  readonly reason?: string;
}

/** What became part of the replica in one step, after it was durable. */
export interface Growth {
  readonly entries: readonly Entry[];
  readonly source: GrowthSource;
  /** True if who may do what has changed. */
  readonly authority: boolean;
}

/** - `local`: somebody handed it to this agent, or it wrote it · `gossip` and `exchange`: it came from a peer */
export type GrowthSource = "local" | "gossip" | "exchange";

export interface Placement {
  readonly state: Admission["state"];
  readonly reason?: string;
  /** Hex of the entries that it waits for, as far as they are named. */
  readonly missing?: readonly string[];
}

/** Whether this key may write this class of this log at all; what its writes are worth, the fold decides. */
export function writerRefusal(
  graph: Pick<AuthorityGraph, "logs">,
  log: string,
  key: string,
  what: number | "observed",
): Placement | null {
  const opened = graph.logs.get(log);
  if (opened === undefined) return { state: "waiting" };
  if (opened.key !== key) return { state: "refused", reason: "written by another key than its log's" };
  const wrong: Placement = { state: "refused", reason: `a log of kind ${opened.kind} cannot carry this` };
  if (what === "observed" || what === CLASS_AUDIT) return opened.kind === "node" ? null : wrong;
  if (what === CLASS_GENERATED) return opened.kind === "role" && opened.label === SECRET_STORE ? null : wrong;
  if (what !== CLASS_DESIRED) return null;
  if (opened.kind !== "operator") return wrong;
  return opened.rights.includes("ops") ? null : { state: "refused", reason: "its log has no right to operate" };
}
