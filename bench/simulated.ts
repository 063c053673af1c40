import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { atLeast, type Figure } from "./figure.ts";
import { ROOT } from "./fleet.ts";

interface Run {
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
}

/** How much faster than life the simulator runs the shipped agent, with every check of it. */
export function simulatorFigures(): Figure[] {
  const calm = simulate(["--minutes", "30", "--calm"]);
  const faulty = simulate(["--minutes", "10"]);
  const versus = `memoised signatures, ${calm.virtualSeconds.toFixed(0)} virtual seconds without faults in ${calm.wallSeconds.toFixed(1)} s; with the faults of seed 2 ${speed(faulty).toFixed(0)} ×`;
  return [atLeast("sim: 20 nodes, one write per node and minute", speed(calm), "× real time", 500, versus)];
}

function speed({ virtualSeconds, wallSeconds }: Run): number {
  return virtualSeconds / wallSeconds;
}

function simulate(flags: readonly string[]): Run {
  // As `npm run sim` does it: a world makes much that lives for one event.
  const argv = [
    "--max-semi-space-size=64",
    join(ROOT, "sim/main.ts"),
    "--seed",
    "2",
    "--nodes",
    "20",
    ...flags,
    "-o",
    "json",
  ];
  const { stdout, status } = spawnSync(process.execPath, argv, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  if (status !== 0) throw new Error(`the simulator found a violation: ${last}`);
  return JSON.parse(last) as Run;
}
