import type { Mutant } from "../mutant.ts";

/** Guards against members, operators, coordinators and stores that cheat. */
export const BYZANTINE_MUTANTS: readonly Mutant[] = [
  {
    name: "a ledger goes on after a fork",
    file: "src/crdt/prefix.ts",
    guard: "if (only === undefined || next.length > 1) return at;",
    without: "if (only === undefined) return at;",
  },
  {
    name: "what lies past a frontier counts",
    file: "src/crdt/prefix.ts",
    guard: "if (cuts.length > 0) {",
    without: "if (cuts.length > 1_000) {",
  },
  {
    name: "a junior cuts a senior",
    file: "src/crdt/authority/frontier.ts",
    guard: "cut.rank < rank && (names",
    without: "cut.rank >= 0 && (names",
  },
  {
    name: "anybody's checkpoint pins anybody's ledger",
    file: "src/crdt/prefix.ts",
    guard: "checkpoint.log === log || checkpoint.rank < rank);",
    without: "checkpoint.log === log || checkpoint.rank >= 0);",
  },
  {
    name: "of two who redeemed one token both are members",
    file: "src/crdt/authority/nodes.ts",
    guard: 'return wins ? "active" : "suspended";',
    without: 'return wins || !wins ? "active" : "suspended";',
  },
  {
    name: "a reader takes what a store gives it",
    file: "src/core/secrets/open-served.ts",
    guard: "if (checkCommitment(keys, mesh, current, committed)) return",
    without: "if (checkCommitment(keys, mesh, current, committed) || committed.nonce.length > 0) return",
  },
  {
    name: "acts of a later release are refused",
    file: "src/crdt/authority/bodies.ts",
    guard: '      return { type: "unknown" };',
    without: '      throw new MalformedError("a type that is not known");',
  },
  {
    name: "questions of a later release fail",
    file: "src/crdt/sync/exchange.ts",
    guard: "return encode({ unknown: true });",
    without: "return encode({});",
  },
];
