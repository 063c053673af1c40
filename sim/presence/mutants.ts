import type { Mutant } from "../mutant.ts";

const run = ["--presence"];

/** Without these machines that are there are taken for gone, or such as are gone for there. */
export const PRESENCE_MUTANTS: readonly Mutant[] = [
  {
    name: "whoever heard nobody goes on doubting when somebody is there",
    file: "src/mesh/detector/detector.ts",
    guard: "if (this.#solitude.end()) this.#opinions.trustAgain(nowMs);",
    without: "this.#solitude.end();",
    run,
  },
  {
    name: "whoever heard nobody goes on saying what it said when it lost them",
    file: "src/mesh/detector/suspicion.ts",
    guard: "this.#accusers.delete(self);\n    return this.#accusers.size === 0;",
    without: "return this.#accusers.size === 0;",
    run,
  },
  {
    name: "whoever has just defended itself may be dead for a minute",
    file: "src/mesh/detector/inquiries.ts",
    guard: "if (returned > 0) this.#parts.unheard(member, nowMs);",
    without: "if (returned < 0) this.#parts.unheard(member, nowMs);",
    run,
  },
];
