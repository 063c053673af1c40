import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type Figure, median } from "./figure.ts";
import { Fleet, submit } from "./fleet.ts";
import { spreadFigures } from "./mesh.ts";
import { Network, whyNoNamespaces } from "./namespaces.ts";

const MANY = 60;
const IDLE_MS = 60_000;
const SETTLE_MS = 15_000;

const HALVED = 20;
/** Seconds that the cut lasts, and how often. */
const CUTS = [
  { seconds: 10, times: 5 },
  { seconds: 60, times: 2 },
] as const;

/** Agents with a network interface each: what many of them say to each other, and how they find together again. */
export async function networkFigures(note: (text: string) => void): Promise<Figure[]> {
  const why = whyNoNamespaces();
  if (why !== null) throw new Error(`the network suite ${why}`);
  return [...(await manyFigures(note)), ...(await cutFigures(note))];
}

async function manyFigures(note: (text: string) => void): Promise<Figure[]> {
  return withFleet(MANY, async (fleet) => {
    note(`starting ${MANY} agents, each in a network namespace`);
    fleet.start();
    await fleet.converged(180_000);
    const spread = await spreadFigures(fleet, note);
    await fleet.converged(60_000);
    await sleep(SETTLE_MS);
    note(`idling for ${IDLE_MS / 1000} s`);
    const before = fleet.nodes.map((_, i) => bytesOf(fleet, i));
    await sleep(IDLE_MS);
    const rates = fleet.nodes.map((_, i) => (bytesOf(fleet, i) - (before[i] ?? 0)) / IDLE_MS);
    const traffic = atMost(
      `idle traffic per node at ${MANY} agents`,
      median(rates),
      "KB/s",
      2,
      `sent by its interface, headers included; median of ${MANY} over ${IDLE_MS / 1000} s, most ${Math.max(...rates).toFixed(2)}`,
    );
    return [...spread, traffic];
  });
}

/** Bytes that the interface of an agent has sent. */
function bytesOf(fleet: Fleet, index: number): number {
  const [command = "", ...words] = fleet.nodes[index]?.cable?.within ?? [];
  const counter = "/sys/class/net/eth0/statistics/tx_bytes";
  return Number(execFileSync(command, [...words, "cat", counter], { encoding: "utf8" }));
}

/** One half takes a change, then the switch is whole again. */
async function cutFigures(note: (text: string) => void): Promise<Figure[]> {
  return withFleet(HALVED, async (fleet) => {
    fleet.start();
    await fleet.converged(60_000);
    const figures: Figure[] = [];
    for (const { seconds, times } of CUTS) {
      const healed: number[] = [];
      for (let i = 0; i < times; i++) {
        note(`cut in two for ${seconds} s, ${i + 1} of ${times}`);
        const half = fleet.nodes.slice(HALVED / 2);
        for (const { cable } of half) cable?.move(1);
        await sleep(seconds * 500);
        await change(fleet, `cut-${seconds}-${i}`);
        await sleep(seconds * 500);
        const begin = performance.now();
        for (const { cable } of half) cable?.move(0);
        await fleet.converged(120_000);
        healed.push((performance.now() - begin) / 1000);
      }
      const versus = `every agent hears every other and has one state; ${times} cuts in two halves of ${HALVED / 2}, a change in one of them`;
      figures.push(atMost(`converged again after a cut of ${seconds} s, median`, median(healed), "s", 5, versus));
      figures.push(atMost("… worst", Math.max(...healed), "s", 15, `of ${times}`));
    }
    return figures;
  });
}

/** Through the half that stays on the first bridge: there is one operator, and her next entry needs the one before. */
async function change(fleet: Fleet, label: string): Promise<void> {
  const [node, log] = [fleet.nodes[0], fleet.logs[0]];
  if (node === undefined || log === undefined) throw new Error("no such agent");
  await submit(node.socket, fleet.pen.label(log, label).bytes);
}

async function withFleet(agents: number, run: (fleet: Fleet) => Promise<Figure[]>): Promise<Figure[]> {
  const network = new Network();
  try {
    const fleet = await Fleet.create(agents, agents, undefined, network);
    try {
      return await run(fleet);
    } finally {
      await fleet.end();
    }
  } finally {
    network.end();
  }
}
