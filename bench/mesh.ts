import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type Figure, median } from "./figure.ts";
import { Fleet, follow, submit } from "./fleet.ts";
import { bareLibp2p, measure } from "./process-cost.ts";
import { findSerf, lastOf, serfSpread } from "./serf.ts";

const AGENTS = 20;
const CHANGES = 15;
const IDLE_MS = 30_000;
/** A change every 200 ms: slow enough that each is alone on its way. */
const PAUSE_MS = 200;

/** Twenty agents as processes on this machine: spread, restart, and what an idle one costs. */
export async function meshFigures(note: (text: string) => void): Promise<Figure[]> {
  const fleet = await Fleet.create(AGENTS, AGENTS);
  try {
    note(`starting ${AGENTS} agents`);
    fleet.start();
    await fleet.converged(60_000);
    const figures = [...(await spreadFigures(fleet, note)), ...(await idleFigures(fleet, note))];
    note("killing and restarting all of them");
    await fleet.kill();
    const begin = performance.now();
    fleet.start();
    await fleet.converged(60_000);
    const tookS = (performance.now() - begin) / 1000;
    const restart = `${AGENTS} agents killed and started together`;
    return [...figures, atMost(`${restart} → connected, converged`, tookS, "s", 15, "wall clock, all on one machine")];
  } finally {
    await fleet.end();
  }
}

/** How long a signed change takes until the last agent has it on disk, against serf's event on as many agents. */
export async function spreadFigures(fleet: Fleet, note: (text: string) => void): Promise<Figure[]> {
  const agents = fleet.nodes.length;
  const name = `change durable on all of ${agents} agents`;
  const seen = new Map<string, number[]>();
  const ends = await Promise.all(
    fleet.nodes.map(({ socket }) => follow(socket, (id) => seen.set(id, [...(seen.get(id) ?? []), performance.now()]))),
  );
  note("spreading changes");
  const spreads: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    const through = fleet.nodes[i % agents];
    const target = fleet.nodes[(i + 1) % agents];
    if (through === undefined || target === undefined) throw new Error("no such agent");
    const { bytes, id } = fleet.pen.label(target.log, `bench-${i}`);
    const begin = performance.now();
    await submit(through.socket, bytes);
    spreads.push((await lastOf(() => seen.get(id) ?? [], agents)) - begin);
    await sleep(PAUSE_MS);
  }
  for (const end of ends) end();
  const serf = findSerf();
  if (serf === null) throw new Error("serf is not to be had: apt-get update, then try again");
  note("the same with serf's user events");
  // The rival gets the machine for itself: idle agents of ours would slow it down.
  for (const { process: child } of fleet.nodes) child?.kill("SIGSTOP");
  const rival = await serfSpread(serf, agents, CHANGES);
  for (const { process: child } of fleet.nodes) child?.kill("SIGCONT");
  const [ours, theirs] = [median(spreads), median(rival)];
  const [worst, theirWorst] = [Math.max(...spreads), Math.max(...rival)];
  const versus = `${ours.toFixed(0)} ms; serf's unsigned event ${theirs.toFixed(0)} ms; medians of ${CHANGES}`;
  const worsts = `${worst.toFixed(0)} ms; serf's ${theirWorst.toFixed(0)} ms; of ${CHANGES} each`;
  return [
    atMost(name, ours / theirs, "× serf", 0.5, versus),
    atMost("… worst", worst / theirWorst, "× serf's worst", 1, worsts),
  ];
}

async function idleFigures(fleet: Fleet, note: (text: string) => void): Promise<Figure[]> {
  note(`idling for ${IDLE_MS / 1000} s`);
  await fleet.converged(60_000);
  await sleep(5000);
  const pids = fleet.nodes.map(({ process: child }) => child?.pid as number);
  const before = pids.map(measure);
  await sleep(IDLE_MS);
  const after = pids.map(measure);
  const cpu = after.map(({ cpuS }, i) => (100 * (cpuS - (before[i]?.cpuS ?? 0))) / (IDLE_MS / 1000));
  const pss = median(after.map(({ pssMiB }) => pssMiB));
  const rss = median(after.map(({ rssMiB }) => rssMiB));
  const bare = await bareLibp2p();
  const what = `idle agent in a mesh of ${AGENTS}`;
  return [
    atMost(`${what}: PSS`, pss, "MiB", 80, `median of ${AGENTS}, smaps_rollup`),
    atMost(
      `${what}: RSS`,
      rss / bare.connectedMiB,
      "×",
      1.25,
      `${rss.toFixed(0)} MiB; bare libp2p stack, connected to 8 peers, ${bare.connectedMiB.toFixed(0)} MiB; connected to nobody ${bare.aloneMiB.toFixed(0)} MiB, against which it is ${(rss / bare.aloneMiB).toFixed(2)} ×`,
    ),
    atMost(`${what}: CPU`, median(cpu), "%", 1, `median of ${AGENTS} over ${IDLE_MS / 1000} s`),
  ];
}
