import type { Mutant } from "../mutant.ts";

/** Guards against disks, clocks and pauses. */
export const FAULT_MUTANTS: readonly Mutant[] = [
  {
    name: "damaged records are taken as they are",
    file: "src/crdt/store/entry-store.ts",
    guard: "      ? bytes\n      : null;",
    without: "      ? bytes\n      : bytes;",
  },
  {
    name: "what a full disk did not take is forgotten",
    file: "src/crdt/unwritten.ts",
    guard: "this.#records = [...records, ...this.#records];",
    without: "this.#records = [...this.#records];",
  },
];
