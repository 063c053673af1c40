import type { CommandWords } from "../command.ts";
import { LIST, SINCE, list } from "./shared.ts";

/** Who may do what, and who did what. */
export const trustCommands: readonly CommandWords[] = [
  list("audit", "get-audit", "What was allowed and what was denied", [...LIST, SINCE], undefined, [
    "lab get audit --since 24h",
    "lab get audit --limit 20 -o json",
  ]),
  list("operators", "get-operators", "Operators' keys with rank and rights", LIST, undefined, ["lab get operators"]),
];
