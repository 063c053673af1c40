import type { Mutant } from "../mutant.ts";

const run = ["--sealed"];

/** Guards around whom a value is sealed to that no store can open. */
export const SEALED_MUTANTS: readonly Mutant[] = [
  {
    name: "whoever writes desired state names whom a value is sealed to",
    file: "src/crdt/named-readers.ts",
    guard: 'if (!rights.has("admin")) continue;',
    without: 'if (!rights.has("ops")) continue;',
    run,
  },
  {
    name: "anybody says what is sealed to somebody's key",
    file: "src/crdt/named-readers.ts",
    guard: "for (const { log } of live) {",
    without: "for (const { log } of operators) {",
    run,
  },
  {
    name: "a value is sealed to an operator who was cut",
    file: "src/crdt/named-readers.ts",
    guard: 'operator.key === key && operator.state === "live");',
    without: "operator.key === key);",
    run,
  },
];
