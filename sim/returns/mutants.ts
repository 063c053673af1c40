import type { Mutant } from "../mutant.ts";

const run = ["--returns"];

/** Guards without which a return, or a value that no store can open, is lost or is another's. */
export const RETURN_MUTANTS: readonly Mutant[] = [
  {
    name: "stores take values that their writer did not sign",
    file: "src/roles/secret-store/judge.ts",
    guard: "if (checkCommitment(keys, mesh, current, committed)) return",
    without: "if (checkCommitment(keys, mesh, current, committed) || committed.nonce.length > 0) return",
    run,
  },
  {
    name: "stores take whatever is brought as sealed",
    file: "src/roles/secret-store/judge.ts",
    guard: "body !== null && equalBytes(envelopeBody(keys, envelope), body);",
    without: "body !== null;",
    run,
  },
  {
    name: "a return that is heard of later is nobody's task",
    file: "src/roles/secret-store/replication.ts",
    guard: "if (current.metadata.restores !== null) await this.restore(current);",
    without: "if (current.metadata.restores === null) await this.restore(current);",
    run,
  },
  {
    name: "stores keep the current version alone",
    file: "src/core/secrets/version.ts",
    guard: "export const KEPT_VERSIONS = 5;",
    without: "export const KEPT_VERSIONS = 1;",
    run,
  },
  {
    name: "stores do not fill each other",
    file: "src/roles/secret-store/replication.ts",
    guard: "    await this.#fill();\n",
    without: "",
    run,
  },
];
