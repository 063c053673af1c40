// npm run soak -- --hours H: agents of one mesh at work for hours; what grows with their age
import { appendFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { flagLine, numberFrom, readFlags } from "../../scripts/flags.ts";
import { seededRandom } from "../../sim/random.ts";
import { ask, type BenchNode, Fleet, follow, submit } from "../fleet.ts";
import { ENTRIES, GAUGES, read } from "./gauges.ts";
import { type Point, slopePerHour } from "./slope.ts";
import { type GaugeReport, judge } from "./verdict.ts";

const USAGE = `npm run soak -- [--hours H] [--agents N] [--writes W] [-o json]

Real agents on loopback, at work for H hours: somebody writes, somebody reads
and follows events, and one agent is killed and started again every two minutes.
Then the slope of each gauge of the others, without the time in which they warm
up (a quarter, at most half an hour). Ends with 1 if something grows that should
not. Ctrl-C ends it early, with the report on what there is by then.

${[
  flagLine("--hours H", "how long (default 1); fractions are fine"),
  flagLine("--agents N", "how many agents (default 5); the last is the one that is killed"),
  flagLine("--writes W", "signed writes a minute (default 12)"),
  flagLine("-o json", "one line of JSON at the end"),
].join("\n")}

For example, a quarter of an hour, the least that is judged:
  npm run soak -- --hours 0.25 --agents 3`;

const LABELS = 20;
const READ_EVERY_MS = 15_000;
const KILL_EVERY_MS = 120_000;
const DEAD_MS = 10_000;
const WARM_UP = 0.25;
const LONGEST_WARM_UP_HOURS = 0.5;
const CONVERGE_MS = 60_000;

const OPTIONS = {
  hours: { type: "string" },
  agents: { type: "string" },
  writes: { type: "string" },
  output: { type: "string", short: "o" },
} as const;

interface Reading {
  readonly agent: string;
  readonly hours: number;
  readonly gauges: ReadonlyMap<string, number>;
}

interface SoakReport {
  readonly hours: number;
  readonly warmUpHours: number;
  readonly agents: number;
  readonly writes: number;
  readonly restarts: number;
  readonly entriesPerHour: number;
  readonly converged: boolean;
  readonly gauges: readonly GaugeReport[];
}

/** Ends it early, with the report on what there is by then. */
const ending = new AbortController();

async function soak(hours: number, agents: number, writesPerMinute: number): Promise<SoakReport> {
  const fleet = await Fleet.create(agents, agents);
  const samples = join(mkdtempSync(join(tmpdir(), "lab-soak-")), "readings.jsonl");
  note(`readings: ${samples}`);
  try {
    fleet.start();
    await fleet.converged(CONVERGE_MS);
    const [watched, killed] = [fleet.nodes.slice(0, -1), fleet.nodes.at(-1) as BenchNode];
    const beganMs = performance.now();
    const hoursNow = (): number => (performance.now() - beganMs) / 3_600_000;
    const stop = AbortSignal.any([ending.signal, AbortSignal.timeout(hours * 3_600_000)]);
    const readings: Reading[] = [];
    let [writes, restarts] = [0, 0];

    const random = seededRandom("soak");
    await Promise.all([
      every(60_000 / writesPerMinute, stop, async () => {
        const node = fleet.logs[random.below(agents)] as Uint8Array;
        await submit((watched[0] as BenchNode).socket, fleet.pen.label(node, `soak-${random.below(LABELS)}`).bytes);
        writes++;
      }),
      every(READ_EVERY_MS, stop, async () => {
        for (const node of watched) {
          const gauges = await read(node);
          const reading = { agent: node.name, hours: hoursNow(), gauges };
          readings.push(reading);
          appendFileSync(samples, `${JSON.stringify({ ...reading, gauges: Object.fromEntries(gauges) })}\n`);
        }
      }),
      // As a person with a terminal would: lists, and a look at what happens.
      every(READ_EVERY_MS, stop, async () => {
        for (const { socket } of watched) {
          const end = await follow(socket, () => undefined);
          for (const list of ["servers", "peers", "labels", "alarms"]) await ask(socket, `/v1/${list}`);
          end();
        }
      }),
      every(KILL_EVERY_MS, stop, async () => {
        await fleet.kill([killed]);
        await sleep(DEAD_MS);
        fleet.launch(killed);
        restarts++;
      }),
    ]);
    const took = hoursNow();
    const converged = await fleet.converged(CONVERGE_MS).then(
      () => true,
      () => false,
    );
    const warmUpHours = Math.min(LONGEST_WARM_UP_HOURS, took * WARM_UP);
    const warm = readings.filter((reading) => reading.hours >= warmUpHours);
    const lineOf = (agent: string, gauge: string): Point[] =>
      warm
        .filter((reading) => reading.agent === agent)
        .map((reading) => ({ hours: reading.hours, value: reading.gauges.get(gauge) as number }));
    const entriesPerHour = slopePerHour(lineOf((watched[0] as BenchNode).name, ENTRIES));
    const gauges = GAUGES.map((gauge) => {
      const lines = watched.map(({ name }) => lineOf(name, gauge.name));
      return judge(gauge, lines, entriesPerHour);
    });
    return { hours: took, warmUpHours, agents, writes, restarts, entriesPerHour, converged, gauges };
  } finally {
    await fleet.end();
  }
}

/** Until `stop`. What fails ends the soak: an agent that does not answer is a finding. */
async function every(intervalMs: number, stop: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!stop.aborted) {
    await sleep(intervalMs, undefined, { signal: stop }).catch(() => undefined);
    if (!stop.aborted) await act();
  }
}

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function print(report: SoakReport): void {
  const { hours, warmUpHours, agents, writes, restarts, entriesPerHour, converged, gauges } = report;
  const minutes = (of: number): string => `${(of * 60).toFixed(0)} min`;
  console.log(
    `${agents} agents for ${minutes(hours)}, ${writes} writes, one agent started anew ${restarts} times; ${
      converged ? "one state at the end" : "NOT CONVERGED at the end"
    }`,
  );
  console.log(
    `slopes after ${minutes(warmUpHours)}, of the agent where it is steepest; ${entriesPerHour.toFixed(0)} entries/h\n`,
  );
  console.log(`  ${"gauge".padEnd(32)}${"level".padStart(12)}${"per hour".padStart(13)}${"limit".padStart(12)}`);
  for (const { gauge, unit, level, perHour, limitPerHour, verdict } of gauges) {
    const told = (value: number): string => (unit === "" ? value.toFixed(1) : `${(value / 2 ** 20).toFixed(2)} MiB`);
    const slope = `${perHour < 0 ? "" : "+"}${told(perHour)}`;
    const mark = verdict === "steady" ? "✓" : verdict === "grows" ? "✗" : "?";
    console.log(
      `${mark} ${gauge.padEnd(32)}${told(level).padStart(12)}${slope.padStart(13)}${told(limitPerHour).padStart(12)}  ${verdict}`,
    );
  }
}

async function main(): Promise<void> {
  const { hours, agents, writes, format } = readFlags(USAGE, OPTIONS, (values) => ({
    hours: numberFrom(0.001, "hours", values.hours ?? "1"),
    agents: numberFrom(3, "agents", values.agents ?? "5"),
    writes: numberFrom(0.1, "writes", values.writes ?? "12"),
    format: values.output ?? "text",
  }));
  process.once("SIGINT", () => ending.abort());
  process.once("SIGTERM", () => ending.abort());
  const report = await soak(hours, agents, writes);
  if (format === "json") console.log(JSON.stringify(report));
  else print(report);
  process.exitCode = report.converged && !report.gauges.some(({ verdict }) => verdict === "grows") ? 0 : 1;
}

await main();
