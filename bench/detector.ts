import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type Figure } from "./figure.ts";
import { ask, type BenchNode, Fleet, followPeers } from "./fleet.ts";
import { findSerf, serfLosses } from "./serf.ts";

const AGENTS = 20;
/** Of each kind; their worst counts. */
const LOSSES = 3;
const STOPS = 2;
const STOP_MS = 10_000;
/** A member that is away for so long is an alarm, if nothing else is declared. */
const ALARM_MS = 60_000;
const CALM_MS = 30_000;
/** Who comes back from a stop is taken for alive by everybody within this. */
const BACK_MS = 5_000;
const GIVE_UP_MS = 60_000;

/** Somebody said that somebody is not there any more. */
interface Sighting {
  readonly by: string;
  readonly about: string;
  readonly atMs: number;
}

/** Twenty agents as processes on this machine: who notices that one is gone, and how soon; serf in the same run. */
export async function detectorFigures(note: (text: string) => void): Promise<Figure[]> {
  const serf = findSerf();
  if (serf === null) throw new Error("serf is not to be had: apt-get update, then try again");
  const ours = await measureAgents(note);
  note("the same with serf");
  const theirs = await serfLosses(serf, AGENTS, LOSSES);
  const told = (seconds: readonly number[]): string => seconds.map((s) => s.toFixed(2)).join(", ");
  const what = `${AGENTS} agents`;
  const { killed, stopped, wrong, hours, alarms } = ours;
  return [
    atMost(
      `${what}, one stands still: known everywhere`,
      Math.max(...stopped) / Math.max(...theirs),
      "× serf",
      1,
      `worst of ${LOSSES} each: ${told(stopped)} s; serf ${told(theirs)} s`,
    ),
    atMost(`${what}, kill -9: known everywhere`, Math.max(...killed), "s", 1, `worst of ${told(killed)}`),
    atMost(
      `${what}: wrong verdicts about running agents`,
      wrong.length,
      "verdicts",
      0,
      `in ${hours.toFixed(1)} agent-hours${wrong.map(({ by, about }) => `; ${by} about ${about}`).join("")}`,
    ),
    atMost(
      `${what}: alarms for stops of ${STOP_MS / 1000} s`,
      alarms,
      "alarms",
      0,
      `${STOPS} stops, all agents asked ${ALARM_MS / 1000} s after them`,
    ),
  ];
}

interface Measured {
  readonly killed: readonly number[];
  readonly stopped: readonly number[];
  readonly wrong: readonly Sighting[];
  readonly hours: number;
  readonly alarms: number;
}

async function measureAgents(note: (text: string) => void): Promise<Measured> {
  const fleet = await Fleet.create(AGENTS, AGENTS);
  try {
    note(`starting ${AGENTS} agents`);
    fleet.start();
    await fleet.converged(60_000);
    await sleep(BACK_MS);
    const gone: Sighting[] = [];
    /** When it is right to say so of somebody. */
    const absences: { readonly name: string; readonly fromMs: number; toMs: number }[] = [];
    const ends = await Promise.all(
      fleet.nodes.map(({ name, socket }) =>
        followPeers(socket, (about, online) => {
          if (online === "no") gone.push({ by: name, about, atMs: performance.now() });
        }),
      ),
    );
    const beganMs = performance.now();
    const absent = new Set<string>();
    const lose = (victim: BenchNode, signal: "SIGSTOP" | "SIGKILL"): { fromMs: number; toMs: number } => {
      absent.add(victim.name);
      const absence = { name: victim.name, fromMs: performance.now(), toMs: Number.POSITIVE_INFINITY };
      absences.push(absence);
      victim.process?.kill(signal);
      return absence;
    };
    const untilKnown = async (victim: BenchNode, signal: "SIGSTOP" | "SIGKILL"): Promise<number> => {
      const { fromMs } = lose(victim, signal);
      const first = new Map<string, number>();
      while (first.size < AGENTS - absent.size && performance.now() - fromMs < GIVE_UP_MS) {
        await sleep(5);
        for (const { by, about, atMs } of gone) {
          if (about === victim.name && atMs >= fromMs && !absent.has(by) && !first.has(by)) first.set(by, atMs);
        }
      }
      await sleep(2_000);
      if (first.size < AGENTS - absent.size) return Number.POSITIVE_INFINITY;
      return (Math.max(...first.values()) - fromMs) / 1000;
    };

    note(`calm for ${CALM_MS / 1000} s`);
    await sleep(CALM_MS);
    const victims = fleet.nodes.slice(1);
    const back = victims.splice(0, STOPS);
    for (const victim of back) {
      note(`${victim.name} stands still for ${STOP_MS / 1000} s`);
      const absence = lose(victim, "SIGSTOP");
      await sleep(STOP_MS);
      victim.process?.kill("SIGCONT");
      await sleep(BACK_MS);
      absence.toMs = performance.now();
      absent.delete(victim.name);
    }
    note(`${LOSSES} are killed`);
    const killed: number[] = [];
    for (const victim of victims.splice(0, LOSSES)) killed.push(await untilKnown(victim, "SIGKILL"));
    await sleep(ALARM_MS);
    const running = fleet.nodes.filter(({ name }) => !absent.has(name));
    const alarms = await countAlarms(running, new Set(back.map(({ name }) => name)));
    note(`${LOSSES} stand still for good`);
    const stopped: number[] = [];
    for (const victim of victims.splice(0, LOSSES)) stopped.push(await untilKnown(victim, "SIGSTOP"));
    const hours = ((performance.now() - beganMs) * AGENTS) / 3_600_000;
    for (const end of ends) end();
    const wrong = gone.filter(({ about, atMs }) => {
      return !absences.some(({ name, fromMs, toMs }) => name === about && fromMs <= atMs && atMs < toMs);
    });
    return { killed, stopped, wrong, hours, alarms };
  } finally {
    for (const { process: child } of fleet.nodes) child?.kill("SIGCONT");
    await fleet.end();
  }
}

/** How many of these hold one of those for an alarm. */
async function countAlarms(nodes: readonly BenchNode[], about: ReadonlySet<string>): Promise<number> {
  const lists = await Promise.all(nodes.map(({ socket }) => ask(socket, "/v1/peers")));
  return lists
    .flatMap((list) => (list as { items: readonly { name: string; verdict?: string }[] }).items)
    .filter(({ name, verdict }) => about.has(name) && verdict === "alarm").length;
}
