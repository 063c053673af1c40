import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { atLeast, type Figure } from "./figure.ts";
import { ROOT } from "./fleet.ts";

interface Run {
  readonly traceHash: string;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
}

const SEED = 2;
/** Half an hour of writes; the minute after it, in which everybody must agree, counts as well. */
const MINUTES = 30;
/** A hundred machines do in a minute what twenty do in five, and each of a hundred learns it. */
const CROWD_MINUTES = 2;

/** How much faster than life the simulator runs the shipped agent, with every check of it, on one core. */
export function simulatorFigures(): Figure[] {
  const calm = simulate(20, MINUTES, ["--calm"]);
  const faulty = simulate(20, 10, []);
  const unremembered = simulate(20, MINUTES, ["--calm", "--no-memo"]);
  const crowd = simulate(100, CROWD_MINUTES, ["--calm"]);
  const workload = "one write per node and minute, no faults";
  return [
    atLeast(
      `sim: 20 nodes, ${workload}, memoised signatures`,
      speed(calm),
      "× real time",
      1_000,
      `${told(calm)}; with the faults of seed ${SEED}, ${told(faulty)} or ${speed(faulty).toFixed(0)} ×`,
    ),
    atLeast(
      `sim: 20 nodes, ${workload}, every signature checked everywhere`,
      speed(unremembered),
      "× real time",
      300,
      `${told(unremembered)}; trace ${unremembered.traceHash === calm.traceHash ? "the same as" : "OTHER THAN"} with the memo`,
    ),
    atLeast(`sim: 100 nodes, ${workload}, memoised signatures`, speed(crowd), "× real time", 100, told(crowd)),
  ];
}

function told({ virtualSeconds, wallSeconds }: Run): string {
  return `${virtualSeconds.toFixed(0)} virtual seconds in ${wallSeconds.toFixed(1)} s`;
}

function speed({ virtualSeconds, wallSeconds }: Run): number {
  return virtualSeconds / wallSeconds;
}

function simulate(nodes: number, minutes: number, flags: readonly string[]): Run {
  // As `npm run sim` does it: a world makes much that lives for one event, from its first second on.
  const argv = [
    "--min-semi-space-size=64",
    "--max-semi-space-size=64",
    join(ROOT, "sim/main.ts"),
    "--seed",
    `${SEED}`,
    "--nodes",
    `${nodes}`,
    "--minutes",
    `${minutes}`,
    ...flags,
    "-o",
    "json",
  ];
  const { stdout, status } = spawnSync(process.execPath, argv, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  if (status !== 0) throw new Error(`the simulator found a violation: ${last}`);
  return JSON.parse(last) as Run;
}
