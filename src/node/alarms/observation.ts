import type { Verdict } from "../../core/alarms/findings.ts";
import type { PeerOpinion } from "../../core/ports/mesh.ts";

/** What an observer thinks of the other members: all that alarms ask of whoever watches them. */
export interface Observation {
  verdict(key: string): Verdict;
  /** How many members it sees, itself among them, when it takes itself for the isolated one; null when it does not. */
  readonly isolated: { readonly seen: number; readonly of: number } | null;
}

/** Whoever sees less than half of the members is more likely the one that is cut off. */
export function observationOf(
  others: readonly { readonly key: string }[],
  opinion: (key: string) => Pick<PeerOpinion, "online">,
): Observation {
  const seen = 1 + others.filter(({ key }) => opinion(key).online === "yes").length;
  const of = 1 + others.length;
  return {
    verdict: (key) => (opinion(key).online === "yes" ? "reachable" : "unreachable"),
    isolated: 2 * seen < of ? { seen, of } : null,
  };
}
