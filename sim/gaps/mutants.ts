import type { Mutant } from "../mutant.ts";

/** Without this a machine that finds its own log damaged signs other entries under numbers that others know. */
export const GAP_MUTANTS: readonly Mutant[] = [
  {
    name: "whoever finds its own log damaged goes on with it at once",
    file: "src/node/home/own-logs.ts",
    guard: 'return this.#sureWith === this.#replica.damaged ? "sure" : "unsure";',
    without: 'return this.#sureWith !== null ? "sure" : "unsure";',
    run: ["--gaps"],
  },
];
