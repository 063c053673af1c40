import type { MeshFacts } from "../../core/alarms/findings.ts";
import type { Verdict, Verdicts } from "../../core/ports/verdict.ts";

/** What an observer thinks of the other members: all that alarms ask of whoever watches them. */
export interface Observation {
  verdict(key: string): Verdict;
  readonly isolated: MeshFacts["isolated"];
  /** The same for as long as this is the same. */
  readonly revision: number;
}

export function observationOf(verdicts: Pick<Verdicts, "verdict" | "isolation" | "revision">): Observation {
  const { state, seen, of } = verdicts.isolation();
  return {
    verdict: (key) => verdicts.verdict(key)?.verdict ?? "unknown",
    revision: verdicts.revision,
    isolated: state === "isolated" ? { seen, of } : null,
  };
}
