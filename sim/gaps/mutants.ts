import type { Mutant } from "../mutant.ts";

/** Without these a machine that finds its own log damaged, or gone, signs other entries under numbers that were used. */
export const GAP_MUTANTS: readonly Mutant[] = [
  {
    name: "whoever finds its own log damaged goes on with it at once",
    file: "src/node/home/own-logs.ts",
    guard: 'return this.#sureWith === this.#replica.damaged ? "sure" : "unsure";',
    without: 'return this.#sureWith !== null ? "sure" : "unsure";',
    run: ["--gaps"],
  },
  {
    name: "whoever has forgotten everybody takes itself for alone",
    file: "src/node/agent.ts",
    guard: "if (!this.#isKnownHere) return;",
    without: "",
    run: ["--gaps"],
  },
];
