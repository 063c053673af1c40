import type { Mutant } from "../mutant.ts";

const run = ["--removals"];

/** Guards without which those who were removed go on, or what they said counts. */
export const REMOVAL_MUTANTS: readonly Mutant[] = [
  {
    name: "nobody tells a removed machine",
    file: "src/mesh/mesh.ts",
    guard: "void this.#farewell.tell(peer).then(",
    without: "void Promise.resolve().then(",
    run,
  },
  {
    name: "a removed machine is told of its cut alone",
    file: "src/crdt/sync/removal-notice.ts",
    guard: "if (countOf(answer) >= this.#proof.cuts.length) return null;",
    without: "if (countOf(answer) >= 0) return null;",
    run,
  },
  {
    name: "a removed machine keeps its secrets",
    file: "src/node/secret-cache.ts",
    guard: 'if (node.state === "cut" || isRemoved(view, secretVersionPath(path))) return true;',
    without: "if (isRemoved(view, secretVersionPath(path))) return true;",
    run,
  },
  {
    name: "a removed machine runs its roles",
    file: "src/crdt/authority/nodes.ts",
    guard: 'roles: state === "active" ? this.#rolesOf(node, given) : new Set(),',
    without: "roles: this.#rolesOf(node, given),",
    run,
  },
  {
    name: "a cut that waits shuts nobody out",
    file: "src/node/directory.ts",
    guard: 'this.#replica.isShutOut(peer) ? "refused" : "member"',
    without: '"member"',
    run,
  },
  {
    name: "one author may fill what is kept for later",
    file: "src/crdt/parking-lot.ts",
    guard: "export const MAX_PARKED_OF_AUTHOR = 512;",
    without: "export const MAX_PARKED_OF_AUTHOR = 1_000_000;",
    run,
  },
  {
    name: "what is kept for later has no bound",
    file: "src/crdt/parking-lot.ts",
    guard: "if (waiting.length === 0) return waiting;",
    without: "if (waiting.length >= 0) return waiting;",
    run,
  },
  {
    name: "one member's word about one's own log is enough",
    file: "src/node/agent.ts",
    guard: "const WITNESSES = 2;",
    without: "const WITNESSES = 1;",
    run,
  },
  {
    name: "a cut keeps what is said after it",
    file: "src/crdt/prefix.ts",
    guard: "if (cuts.length > 0) {",
    without: "if (cuts.length > 1) {",
    run,
  },
  {
    name: "a cut keeps nothing of a ledger",
    file: "src/crdt/prefix.ts",
    guard: "isNamed && isBehind(chain, at, named) ? named : at",
    without: "isNamed && !isBehind(chain, at, named) ? named : at",
    run,
  },
  {
    name: "acts of authority count beyond a cut",
    file: "src/crdt/authority/frontier.ts",
    guard: "return tip !== undefined && (tip === node || graph.isPast(node.index, tip.index));",
    without: "return tip !== undefined || graph.isPast(node.index, 0);",
    run,
  },
  {
    name: "what was adopted still waits",
    file: "src/crdt/voids.ts",
    guard: 'equalJson(standing?.value, value)) return "adopted";',
    without: 'equalJson(standing?.value, value)) return "unadopted";',
    run,
  },
  {
    name: "what was dismissed still waits",
    file: "src/crdt/voids.ts",
    guard: "return desired.winner(dismissedPath(entry)) !== undefined;",
    without: "return desired.winner(dismissedPath(entry)) === null;",
    run,
  },
  {
    name: "a cut does not reach below what was summed up",
    file: "src/crdt/bases.ts",
    guard: "const isBounded = mayBound && chainClass === CLASS_DESIRED;",
    without: "const isBounded = mayBound && chainClass === CLASS_DESIRED + 1;",
    run,
  },
  {
    name: "what was summed up before a cut counts after a start",
    file: "src/crdt/bases.ts",
    guard: "return judged.get(id) !== (bounds.get(id) ?? []).join();",
    without: "return judged.get(id) === undefined;",
    run,
  },
];
