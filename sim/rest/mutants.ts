import type { Mutant } from "../mutant.ts";

const run = ["--rest"];

/** Without these an agent holds a little more after everything that happens to it. */
export const REST_MUTANTS: readonly Mutant[] = [
  {
    name: "a call that was made is remembered for good",
    file: "src/mesh/timing.ts",
    guard: "      this.#pending.delete(pending);\n      run();",
    without: "      run();",
    run,
  },
  {
    name: "a member is paced by every question of its own",
    file: "src/mesh/gate.ts",
    guard: "this.#paces.set(peer, pace);",
    without: "this.#paces.set(`${peer} ${nowMs}`, pace);",
    run,
  },
];
