import { median } from "../../bench/figure.ts";
import type { Delayer } from "./wire.ts";

/** Something that must not be. */
export interface Violation {
  readonly check: string;
  /** Since the run began. */
  readonly atSeconds: number;
  readonly detail: string;
}

export interface RoundReport {
  readonly name: string;
  readonly cutSeconds: number | null;
  readonly faults: readonly string[];
  /** From the end of the last fault until everybody hears everybody and all have one state; null if that did not come. */
  readonly convergedSeconds: number | null;
}

export interface ChaosReport {
  readonly seed: string;
  readonly agents: number;
  readonly seconds: number;
  readonly delayer: Delayer;
  readonly rounds: readonly RoundReport[];
  readonly counts: Readonly<Record<string, number>>;
  readonly worstRssMiB: number;
  /** Share of the time in which something on this machine waited for a core; null where the kernel does not say. */
  readonly waitedForCore: number | null;
  readonly violations: readonly Violation[];
}

/** Seconds in which a mesh is whole again after a cut. */
const TARGETS = { median: 5, worst: 15 };

export function print(report: ChaosReport, replay: string, directory: string): void {
  const { seed, agents, seconds, delayer, rounds, counts, worstRssMiB, waitedForCore, violations } = report;
  const lines = [`seed ${seed}: ${agents} agents, ${rounds.length} rounds in ${seconds.toFixed(0)} s`, ""];
  for (const { name, faults, convergedSeconds } of rounds) {
    const again = convergedSeconds === null ? "NOT WHOLE AGAIN" : `whole again after ${convergedSeconds.toFixed(1)} s`;
    lines.push(`${name}: ${again}`, ...faults.map((fault) => `    ${fault}`));
  }
  lines.push("", ...cutLines(rounds));
  lines.push(
    ...Object.entries(counts).map(([what, count]) => `  ${what.padEnd(44)}${String(count).padStart(8)}`),
    `  ${"most resident memory of an agent, MiB".padEnd(44)}${worstRssMiB.toFixed(0).padStart(8)}`,
  );
  if (waitedForCore !== null) {
    const percent = (100 * waitedForCore).toFixed(0);
    lines.push(`  ${"time with work that waits for a core, %".padEnd(44)}${percent.padStart(8)}`);
  }
  if (delayer === "none") lines.push("", "no delay, no reordering: the kernel has neither netem nor /dev/net/tun");
  process.stdout.write(`${lines.join("\n")}\n`);
  if (violations.length === 0) return;
  for (const { check, atSeconds, detail } of violations)
    process.stderr.write(`VIOLATION ${check} at ${atSeconds.toFixed(1)} s: ${detail}\n`);
  process.stderr.write(`logs of the agents and what was done when: ${directory}\nrepeat it: ${replay}\n`);
}

function cutLines(rounds: readonly RoundReport[]): string[] {
  const cuts = rounds.filter(({ cutSeconds }) => cutSeconds !== null);
  if (cuts.length === 0) return [];
  const took = cuts.map(({ convergedSeconds }) => convergedSeconds ?? Number.POSITIVE_INFINITY);
  const line = (what: "median" | "worst", value: number): string => {
    const mark = value <= TARGETS[what] ? "✓" : "✗";
    const name = `converged after ${cuts.length} cuts, ${what}, seconds`;
    return `${mark} ${name.padEnd(44)}${value.toFixed(1).padStart(8)} (target ${TARGETS[what]})`;
  };
  return [line("median", median(took)), line("worst", Math.max(...took))];
}
