import type { Mutant } from "../mutant.ts";

const run = ["--checkpoints"];

/** Guards without which pins hold too much, too little, or hold elsewhere after a start. */
export const CHECKPOINT_MUTANTS: readonly Mutant[] = [
  {
    name: "a pin that lies below where a ledger begins is missed",
    file: "src/crdt/prefix.ts",
    guard: "Math.max(at?.entry.header.seq ?? 0, chain.below);",
    without: "at?.entry.header.seq ?? 0;",
    run,
  },
  {
    name: "a cut goes below what was pinned",
    file: "src/crdt/prefix.ts",
    guard: "return checkpoint.rank <= COMPACTING_RANK && graph.isPast",
    without: "return checkpoint.rank < 0 && graph.isPast",
    run,
  },
  {
    name: "anybody's checkpoint holds against a cut",
    file: "src/crdt/prefix.ts",
    guard: "return checkpoint.rank <= COMPACTING_RANK && graph.isPast",
    without: "return checkpoint.rank <= 2 && graph.isPast",
    run,
  },
  {
    name: "a fork stops a ledger also where a pin says how it goes on",
    file: "src/crdt/prefix.ts",
    guard: "let at = from === null || isOnMain(chain, from) ? (chain.main.at(-1) ?? null) : from;",
    without: "let at = from === undefined ? from : (chain.main.at(-1) ?? null);",
    run,
  },
  {
    name: "a pin of what is not here holds nothing up",
    file: "src/crdt/prefix.ts",
    guard: "if (link === undefined || link.entry.header.seq !== seq) limit = Math.min(limit, seq - 1);",
    without: "if (link === undefined || link.entry.header.seq !== seq) limit = Math.min(limit, 1e9);",
    run,
  },
  {
    name: "a checkpoint makes nobody read what was summed up",
    file: "src/crdt/bases.ts",
    guard: 'new Set(["enrol", "token", "redeem", "role", "unrole"]);',
    without: 'new Set(["enrol", "token", "redeem", "role", "unrole", "checkpoint"]);',
    run,
  },
  {
    name: "a fork below what was summed up is forgotten by a start",
    file: "src/crdt/store/entry-store.ts",
    guard: "if (below > placeOf(last) - stored.letGo) {",
    without: "if (below > placeOf(last) - stored.letGo + 1e9) {",
    run,
  },
];
