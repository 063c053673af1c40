// node --expose-gc world.ts NODES: what each machine of a calm world costs, as one line of JSON
import { hasConverged } from "../../sim/checkers/convergence.ts";
import { Workload } from "../../sim/workload.ts";
import { World } from "../../sim/world.ts";
import { median } from "../figure.ts";
import type { Cost } from "./cost.ts";
import { since, trafficOf } from "./traffic.ts";

const SEED = "growth";
const SETTLE_MS = 60_000;
const IDLE_MS = 60_000;
const WRITE_MS = 120_000;
/** Of the whole fleet, however large: what grows then grows with the fleet and not with what it is used for. */
const WRITES_PER_MINUTE = 10;
const CUT_MS = 30_000;
const STEP_MS = 100;
const HEAL_MS = 120_000;

async function measure(nodes: number): Promise<Cost> {
  const emptyBytes = heapBytes();
  const world = await World.create({ seed: SEED, nodes, memo: "signatures" });
  const { clock, history, machines, network } = world;
  const pass = (ms: number): Promise<void> => clock.runUntil(clock.monotonic() + ms);
  const said = new Map<string, number>();
  const last = new Map<string, number>();
  history.onAcknowledged(({ entry }) => void said.set(entry, said.get(entry) ?? clock.monotonic()));
  world.onStart((_, { replica }) => {
    replica.onGrowth(({ entries }) => {
      for (const { id } of entries) if (history.signed.has(id)) last.set(id, clock.monotonic());
    });
  });
  await world.until(Promise.all(machines.map((machine) => machine.start())));
  await pass(SETTLE_MS);

  const idle = trafficOf(world);
  await pass(IDLE_MS);
  const idled = since(idle, trafficOf(world), machines.length, IDLE_MS);

  const workload = new Workload(world, { writesPerMachineAndMinute: WRITES_PER_MINUTE / machines.length });
  const busy = trafficOf(world);
  workload.start();
  await pass(WRITE_MS);
  const worked = since(busy, trafficOf(world), machines.length, WRITE_MS);
  workload.end();
  await pass(STEP_MS * 50);
  const spreads = [...said].map(([entry, atMs]) => ((last.get(entry) ?? Number.NaN) - atMs) / 1000);

  const [here, there] = [machines.filter((_, i) => i % 2 === 0), machines.filter((_, i) => i % 2 === 1)];
  network.cut(
    here.map(({ key }) => key),
    there.map(({ key }) => key),
  );
  await pass(CUT_MS / 2);
  workload.disagree(here, there);
  await pass(CUT_MS / 2);
  network.heal();
  const healedMs = clock.monotonic();
  while (!hasConverged(world) && clock.monotonic() - healedMs < HEAL_MS) await pass(STEP_MS);
  const healSeconds = hasConverged(world) ? (clock.monotonic() - healedMs) / 1000 : Number.NaN;

  let storeBytes = 0;
  for (const { disk } of machines) {
    for (const { key, value } of await disk.scan("")) storeBytes += key.length + value.length;
  }
  const used = process.cpuUsage();
  return {
    nodes: machines.length,
    idleMessages: idled.messages,
    idleBytes: idled.bytes,
    busyMessages: worked.messages,
    busyBytes: worked.bytes,
    storeKiB: storeBytes / machines.length / 1024,
    memoryKiB: (heapBytes() - emptyBytes) / machines.length / 1024,
    spreadSeconds: median(spreads.filter((seconds) => !Number.isNaN(seconds))),
    healSeconds,
    cpuSeconds: (used.user + used.system) / 1e6,
    virtualSeconds: world.seconds,
  };
}

function heapBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

console.log(JSON.stringify(await measure(Number(process.argv[2] ?? "10"))));
