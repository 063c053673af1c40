import type { Mutant } from "../mutant.ts";

const run = ["--floods"];

/** Guards without which one member, or one stranger, makes everybody work, talk and keep records without end. */
export const FLOOD_MUTANTS: readonly Mutant[] = [
  {
    name: "a member is answered as often as it asks",
    file: "src/mesh/gate.ts",
    guard: "return pace.take(1, nowMs);",
    without: 'return pace.take(1, nowMs) || peer !== "";',
    run,
  },
  {
    name: "strangers are answered as often as they knock",
    file: "src/mesh/gate.ts",
    guard: "return this.#strangersPace.take(1, nowMs);",
    without: 'return this.#strangersPace.take(1, nowMs) || peer !== "";',
    run,
  },
  {
    name: "every knock is written down",
    file: "src/roles/coordinator/knock-log.ts",
    guard: "if (window.told < TOLD) {",
    without: "if (window.told >= 0) {",
    run,
  },
  {
    name: "every refusal of a store is written down",
    file: "src/roles/secret-store/request-log.ts",
    guard: "if (refusals.told < REFUSALS_TOLD) {",
    without: "if (refusals.told >= 0) {",
    run,
  },
];
