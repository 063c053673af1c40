import { flagLine, numberFrom, readFlags } from "../../scripts/flags.ts";
import { hasConverged } from "../../sim/checkers/convergence.ts";
import { Workload } from "../../sim/workload.ts";
import { World } from "../../sim/world.ts";
import { MESH_ALONE } from "./mesh-alone.ts";
import { short } from "./plot.ts";
import { since, trafficOf } from "./traffic.ts";

const SEED = "fleet";
const SETTLE_MS = 60_000;
/** Of the whole fleet. */
const WRITES_PER_MINUTE = 10;
const MIB = 1024 * 1024;
const HEAD = [
  "| phase | virtual s | CPU s | speed | events | µs each | messages/s and machine | MiB |",
  "|---|---|---|---|---|---|---|---|",
];

interface Phase {
  readonly name: string;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  /** Of this process, all threads. */
  readonly cpuSeconds: number;
  readonly events: number;
  /** Of one machine, a second. */
  readonly messages: number;
  readonly memoryMiB: number;
}

const USAGE = `npm run fleet -- [--nodes N] [--minutes M] [--alone] [-o json]

How fast a large fleet that has run before runs in the simulator: all start at
once and have a minute; nobody writes; operators write ten times a minute. A
thousand machines take minutes of CPU time and 7 GiB.

${[
  flagLine("--nodes N", "how many machines (default 1000)"),
  flagLine("--minutes M", "how long, in virtual time, each of the last two is (default 5)"),
  flagLine("--alone", "membership and anti-entropy, and nothing above them: then nobody writes"),
  flagLine("-o json", "one line of JSON at the end"),
].join("\n")}

For example, in some seconds:
  npm run fleet -- --nodes 100 --minutes 1`;

const OPTIONS = {
  nodes: { type: "string" },
  minutes: { type: "string" },
  alone: { type: "boolean" },
  output: { type: "string", short: "o" },
} as const;

const { values, nodes, lengthMs } = readFlags(USAGE, OPTIONS, (given) => ({
  values: given,
  nodes: numberFrom(3, "nodes", given.nodes ?? "1000"),
  lengthMs: numberFrom(0.1, "minutes", given.minutes ?? "5") * 60_000,
}));

const world = await World.create({ seed: SEED, nodes, machines: "acquainted" });
const { clock, history, machines } = world;
if (values.alone) for (const machine of machines) machine.release = MESH_ALONE;
const founded = process.cpuUsage();
process.stderr.write(`${nodes} machines founded in ${((founded.user + founded.system) / 1e6).toFixed(0)} s of CPU\n`);
const phases = [
  await measured("all start at once, and a minute", async () => {
    await world.until(Promise.all(machines.map((machine) => machine.start())));
    await pass(SETTLE_MS);
  }),
  await measured(values.alone ? "membership and anti-entropy alone" : "nobody writes", () => pass(lengthMs)),
  ...(values.alone ? [] : [await measured(`${WRITES_PER_MINUTE} writes a minute in the fleet`, writes)]),
];
const doubts = machines.reduce((sum, { agent }) => sum + doubtsOf(agent?.mesh.verdicts() ?? []), 0);
const agreedSeconds = await secondsToAgree();
const maxMemoryMiB = process.resourceUsage().maxRSS / 1024;
const result = { nodes, phases, writes: history.writes.length, doubts, agreedSeconds, maxMemoryMiB };
const agreement = agreedSeconds === null ? "not within a minute" : `${agreedSeconds} s later`;
process.stdout.write(
  values.output === "json"
    ? `${JSON.stringify(result)}\n`
    : `${[...HEAD, ...phases.map(told)].join("\n")}\n\n${history.writes.length} writes, agreed ${agreement}; ${doubts} doubts about who runs; at most ${maxMemoryMiB.toFixed(0)} MiB\n`,
);

async function writes(): Promise<void> {
  const workload = new Workload(world, { writesPerMachineAndMinute: WRITES_PER_MINUTE / nodes });
  workload.start();
  await pass(lengthMs);
  workload.end();
}

function pass(ms: number): Promise<void> {
  return clock.runUntil(clock.monotonic() + ms);
}

/** Of members that run, opinions that are not "alive" at the end; the one that never ran is none of them. */
function doubtsOf(verdicts: readonly { readonly member: string; readonly verdict: string }[]): number {
  return verdicts.filter(({ member, verdict }) => world.machineWith(member) !== undefined && verdict !== "alive")
    .length;
}

/** Until all show the same. */
async function secondsToAgree(): Promise<number | null> {
  for (let seconds = 0; seconds <= 60; seconds++) {
    if (hasConverged(world)) return seconds;
    await pass(1_000);
  }
  return null;
}

async function measured(name: string, work: () => Promise<void>): Promise<Phase> {
  const [before, ran, usedBefore, virtualMs] = [trafficOf(world), clock.ran, process.cpuUsage(), clock.monotonic()];
  const beganMs = performance.now();
  await work();
  const used = process.cpuUsage(usedBefore);
  const passedMs = clock.monotonic() - virtualMs;
  const phase = {
    name,
    virtualSeconds: passedMs / 1000,
    wallSeconds: (performance.now() - beganMs) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
    events: clock.ran - ran,
    messages: since(before, trafficOf(world), nodes, passedMs).messages,
    memoryMiB: process.memoryUsage().rss / MIB,
  };
  process.stderr.write(`${told(phase)}\n`);
  return phase;
}

/** A row of a table in docs/simulator.md. */
function told({ name, virtualSeconds, cpuSeconds, events, messages, memoryMiB }: Phase): string {
  const speed = `${short(virtualSeconds / cpuSeconds)} ×`;
  const perEvent = ((cpuSeconds * 1e6) / events).toFixed(0);
  const cells = [name, virtualSeconds.toFixed(0), cpuSeconds.toFixed(1), speed, events, perEvent, messages.toFixed(1)];
  return `| ${[...cells, memoryMiB.toFixed(0)].join(" | ")} |`;
}
