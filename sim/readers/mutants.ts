import type { Mutant } from "../mutant.ts";

const run = ["--readers"];

/** Guards around what operators read. */
export const READER_MUTANTS: readonly Mutant[] = [
  {
    name: "any operator reads everything",
    file: "src/roles/secret-store/serving.ts",
    guard: "return mayOperatorRead(view, reader.operator.key, path);",
    without: 'return path !== "";',
    run,
  },
  {
    name: "an operator's request is good again",
    file: "src/roles/secret-store/operator-reads.ts",
    guard: 'if (challenge === "unknown") return',
    without: 'if (challenge === "unknown" && bytes.length === 0) return',
    run,
  },
  {
    name: "an operator's request needs no signature of his",
    file: "src/roles/secret-store/operator-reads.ts",
    guard: "if (!isSigned(keys, key, readToSign(bytes), signature)) return",
    without: "if (!isSigned(keys, key, readToSign(bytes), signature) && bytes.length === 0) return",
    run,
  },
  {
    name: "whoever writes desired state lets operators read",
    file: "src/core/policy/operator-readers.ts",
    guard: 'rights.includes("admin") !== true) return [];',
    without: 'rights.includes("ops") !== true) return [];',
    run,
  },
  {
    name: "an operator who was cut reads on",
    file: "src/core/policy/operator-readers.ts",
    guard: 'one.key === key && one.state === "live")',
    without: "one.key === key)",
    run,
  },
  {
    name: "what an operator read who left stays",
    file: "src/crdt/departures.ts",
    guard: 'logs.some(({ state }) => state === "live")) return [];',
    without: 'logs.some(({ state }) => state !== "live")) return [];',
    run,
  },
];
