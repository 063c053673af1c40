import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { atLeast, type Figure } from "./figure.ts";
import { ROOT } from "./fleet.ts";

const MINUTES = 20;

/** How much faster than life the simulator runs the shipped agent. */
export function simulatorFigures(): Figure[] {
  const argv = ["--seed", "1", "--nodes", "20", "--minutes", String(MINUTES), "-o", "json"];
  const { stdout, status } = spawnSync(process.execPath, [join(ROOT, "sim/main.ts"), ...argv], { encoding: "utf8" });
  const last = stdout.trim().split("\n").at(-1) ?? "";
  if (status !== 0) throw new Error(`the simulator found a violation: ${last}`);
  const { virtualSeconds, wallSeconds } = JSON.parse(last) as { virtualSeconds: number; wallSeconds: number };
  const versus = `${virtualSeconds.toFixed(0)} virtual seconds with faults in ${wallSeconds.toFixed(1)} s, seed 1`;
  return [
    atLeast("sim: 20 nodes, one write per node and minute", virtualSeconds / wallSeconds, "× real time", 500, versus),
  ];
}
