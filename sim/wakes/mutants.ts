import type { Mutant } from "../mutant.ts";

const run = ["--wakes"];
const file = "src/node/agent.ts";
const guard = "this.cache.requestReconcile();\n      this.#runner.viewChanged();";

/** Without these what a machine that comes back makes possible is done up to a minute later. */
export const WAKE_MUTANTS: readonly Mutant[] = [
  {
    name: "a machine does not look for its secrets when a store is back",
    ...{ file, guard, run },
    without: "this.#runner.viewChanged();",
  },
  {
    name: "a store does not look for what it lacks when another one is back",
    ...{ file, guard, run },
    without: "this.cache.requestReconcile();",
  },
];
