import { LabError } from "../core/errors.ts";
import type { Need, Right } from "../crdt/authority/bodies.ts";
import type { OperatorLog } from "../crdt/authority/resolve.ts";
import type { KnownAuthority } from "./known-authority.ts";
import { operatorTargets } from "./removal.ts";

/** Whose key is replaced, and what the new one may do. */
export interface RecoveryPlan {
  readonly name: string;
  readonly rank: number;
  readonly rights: readonly Right[];
  readonly need: Need;
  /** Hex of the keys that the code can cut. */
  readonly cut: readonly string[];
  /** Logs that stay live, because the code is not their senior. */
  readonly kept: readonly string[];
}

export interface RecoveryWish {
  /** Null for the only founder, or the one who is called as the user here. */
  readonly name: string | null;
  readonly usual: string;
  /** One key of several. */
  readonly which: string | null;
  /** Of the log that the code writes. */
  readonly rank: number;
}

/** Throws `NotFound`, and `Usage` where several operators could be meant. */
export function planRecovery(known: Pick<KnownAuthority, "authority" | "graph">, wish: RecoveryWish): RecoveryPlan {
  const operators = [...known.authority.operators.values()].filter(({ rank }) => rank > 0);
  const name = wish.name ?? usualName(operators, wish.usual);
  const all = operators.filter((log) => log.name === name);
  if (all.length === 0) {
    const names = [...new Set(operators.map((log) => log.name))].sort();
    throw new LabError("NotFound", `operator "${name}" does not exist`, {
      notes: [`operators: ${names.join(", ")}`],
      hint: "lab get operators",
    });
  }
  const isLive = all.some(({ state }) => state === "live");
  const logs = isLive ? operatorTargets(known, name, wish.which).map(({ log }) => log) : [];
  const targets = all.filter(({ log }) => logs.includes(log));
  // Who has no live key gets what the most powerful one could do.
  const [model] = [...(isLive ? targets : all)].sort((a, b) => a.rank - b.rank) as [OperatorLog];
  const senior = targets.filter(({ rank }) => wish.rank < rank);
  const { need, rights } = model;
  return {
    name,
    rank: Math.max(model.rank, wish.rank, 1),
    rights: [...rights],
    need,
    cut: [...new Set(senior.map(({ key }) => key))],
    kept: targets.filter((log) => !senior.includes(log)).map(({ log }) => log),
  };
}

function usualName(operators: readonly OperatorLog[], usual: string): string {
  const founders = [...new Set(operators.filter(({ rank }) => rank === 1).map(({ name }) => name))];
  const [only] = founders;
  if (only !== undefined && founders.length === 1) return only;
  if (founders.includes(usual)) return usual;
  throw new LabError("Usage", "whose key?", {
    notes: [`founders: ${founders.sort().join(", ")}`],
    hint: "lab operator recover NAME",
  });
}
