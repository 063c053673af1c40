import type { Mutant } from "../mutant.ts";

const run = ["--retention"];

/** Guards without which audit is lost too soon, for ever kept, or continued from the beginning. */
export const RETENTION_MUTANTS: readonly Mutant[] = [
  {
    name: "young records are let go of, too",
    file: "src/crdt/retention.ts",
    guard: "entry.signatures.length > 0 && hlc.ms < beforeMs;",
    without: "entry.signatures.length > 0 && hlc.ms < beforeMs + 3_600_000;",
    run,
  },
  {
    name: "nothing is let go of",
    file: "src/crdt/retention.ts",
    guard: "beginning.header.seq > chain.letGo + 1) beginnings.push(beginning);",
    without: "beginning.header.seq > chain.letGo + 1e9) beginnings.push(beginning);",
    run,
  },
  {
    name: "keepers keep no more than others",
    file: "src/node/agent.ts",
    guard: "(keepsAll || log === this.node ? keeperMs : memberMs)",
    without: "(keepsAll && log === this.node ? keeperMs : memberMs)",
    run,
  },
  {
    name: "a log that others trimmed is not taken",
    file: "src/crdt/replica.ts",
    guard: "return isBeyond && mayBeginWith(entry, this.#mayBeginBeforeMs());",
    without: "return isBeyond && mayBeginWith(entry, 0);",
    run,
  },
  {
    name: "what was let go of is missed after a start",
    file: "src/crdt/store/entry-store.ts",
    guard: "this.#count + fresh - before.length;",
    without: "this.#count + fresh;",
    run,
  },
];
