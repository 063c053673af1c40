import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { atMost, type Figure } from "./figure.ts";
import { ROOT } from "./fleet.ts";

interface Report {
  readonly faults: { readonly cut: number; readonly crash: number; readonly race: number };
  readonly sometimes: Readonly<Record<string, number>>;
  readonly violations: readonly { readonly check: string }[];
}

const SEEDS = 20;
/** For each seed: so many cuts, with so many tokens raced for in each. */
const [ROUNDS, TOKENS] = [5, 10];

/** Strangers that race for tokens while the mesh is cut, in virtual time: how many tokens made two members. */
export function raceFigures(): Figure[] {
  const total = { cut: 0, crash: 0, race: 0, enrolled: 0, violations: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const flags = ["--races", "--seed", `${seed}`, "--rounds", `${ROUNDS}`, "--tokens", `${TOKENS}`, "-o", "json"];
    const { stdout } = spawnSync(process.execPath, [join(ROOT, "sim/main.ts"), ...flags], { encoding: "utf8" });
    const { faults, sometimes, violations } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Report;
    total.cut += faults.cut;
    total.crash += faults.crash;
    total.race += faults.race;
    total.enrolled += sometimes["enrolled"] ?? 0;
    total.violations += violations.length;
  }
  const { cut, crash, race, enrolled, violations } = total;
  const versus = `three strangers each; ${enrolled} enrolled, ${crash} coordinators lost power meanwhile; seeds 1 to ${SEEDS}`;
  return [
    atMost(`${race} token races, ${cut} cuts: double enrolments, broken promises`, violations, "found", 0, versus),
  ];
}
