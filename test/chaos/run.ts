import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { measure } from "../../bench/process-cost.ts";
import { seededRandom } from "../../sim/random.ts";
import { sidesOf } from "../../sim/checkers/shown.ts";
import { checkAtEnd, checkShown } from "./checks.ts";
import { Crew, MOLE } from "./crew.ts";
import { Faults, told } from "./faults.ts";
import { drawPlan, type Round } from "./plan.ts";
import type { Person } from "./people.ts";
import { watchPressure } from "./pressure.ts";
import type { ChaosReport, RoundReport, Violation } from "./report.ts";
import { alarmsOfIsolated, wrongSightings } from "./verdicts.ts";
import { alarmsIn } from "./watch.ts";

export interface ChaosOptions {
  readonly seed: string;
  readonly agents: number;
  readonly cutsSeconds: readonly number[];
  /** For everything that the run makes. */
  readonly directory: string;
}

/** Of the servers, as declared: a cut of 40 s is long enough for alarms, an absence of 10 s is not. */
const ALARM_AFTER_S = 15;
/** The agents measure from when they notice. */
const ALARM_SLACK = 0.75;
/** As in the simulator: from the heal to agreement at most. */
const CONVERGE_WITHIN_MS = 90_000;
/** From agreement to everybody's right opinion of everybody. */
const SETTLE_MS = 60_000;
const WRITE_EVERY_MS = 1_200;
const POLL_MS = 200;
/** Of the time, at most; else it is the looking that keeps a large mesh from coming right. */
const SHARE_OF_LOOKING = 0.25;

/** One run: a mesh is made, things go wrong in rounds, after each of them everything must come right again. */
export async function runChaos({ seed, agents, cutsSeconds, directory }: ChaosOptions): Promise<ChaosReport> {
  const [beganMs, beganWallMs] = [performance.now(), Date.now()];
  const nowMs = (): number => performance.now() - beganMs;
  for (const name of ["logs", "people", "disks"]) mkdirSync(join(directory, name), { recursive: true });
  const violations: Violation[] = [];
  const violated = (check: string, detail: string, atMs = nowMs()): void => {
    if (violations.some((known) => known.check === check && known.detail === detail)) return;
    violations.push({ check, atSeconds: atMs / 1000, detail });
    note(`VIOLATION ${check}: ${detail}`);
  };
  const note = (text: string): void => {
    const line = `${(nowMs() / 1000).toFixed(1).padStart(7)} s  ${text}\n`;
    process.stderr.write(line);
    appendFileSync(join(directory, "course.log"), line);
  };

  const pressure = watchPressure();
  const races = cutsSeconds.length;
  const crew = new Crew({ seed, agents, races, directory, nowMs, note, violated });
  const rounds: RoundReport[] = [];
  try {
    await crew.assemble(ALARM_AFTER_S);
    await untilWhole(crew, CONVERGE_WITHIN_MS, note);
    note("all are one mesh");
    const playMs = nowMs();
    const plan = drawPlan({ seed, places: crew.places, cutsSeconds, strangers: crew.strangers });
    const faults = new Faults(crew, nowMs, note, violated);
    const writer = new Writer(crew, seed);
    writer.start();
    for (const round of plan) {
      note(`— ${round.name}`);
      const convergedSeconds = await play({ crew, faults, writer, round, nowMs, note, violated });
      const { name, cutSeconds } = round;
      rounds.push({ name, cutSeconds, faults: round.faults.map(told), convergedSeconds });
    }
    await writer.pause();
    await untilAlive(crew, violated);
    await checkAtEnd(crew, violated);
    // The mole answers as it pleases, on whichever side it is, and is thought of accordingly.
    const alarms = crew.machines.flatMap(({ name, logFile }) =>
      alarmsIn(readFileSync(logFile, "utf8"), name, beganWallMs),
    );
    const sightings = [...crew.watch.sightings, ...alarms].filter(
      ({ about, atMs }) => about !== MOLE && atMs >= playMs,
    );
    const { absences } = faults;
    for (const { atMs, detail } of [
      ...wrongSightings(sightings, absences, ALARM_AFTER_S * 1000 * ALARM_SLACK),
      ...alarmsOfIsolated(sightings, absences, { members: agents, strays: 1 }),
    ])
      violated("verdicts", detail, atMs);
    const rss = crew.machines.map(({ pid }) => (pid === null ? 0 : measure(pid).rssMiB));
    const { people } = crew;
    const counts = {
      ...faults.counts,
      "writes acknowledged": people.acknowledged,
      "writes without an answer": people.unsure.size,
      "verdicts that somebody is gone": sightings.filter(({ kind }) => kind === "gone").length,
      "alarms about somebody": sightings.filter(({ kind }) => kind === "alarm").length,
      ...(await crew.endHostile()),
    };
    return {
      ...{ seed, agents, seconds: nowMs() / 1000, delayer: crew.delayer, rounds, counts, violations },
      worstRssMiB: Math.max(...rss),
      waitedForCore: pressure(),
    };
  } finally {
    await crew.end();
  }
}

type Violated = (check: string, detail: string) => void;

interface Playing {
  readonly crew: Crew;
  readonly faults: Faults;
  readonly writer: Writer;
  readonly round: Round;
  readonly nowMs: () => number;
  readonly note: (text: string) => void;
  readonly violated: Violated;
}

/** Seconds from the end of the last fault until everything is well again; null if that does not come. */
async function play({ crew, faults, writer, round, nowMs, note, violated }: Playing): Promise<number | null> {
  writer.resume();
  await faults.play(round);
  await writer.pause();
  let convergedSeconds: number | null = null;
  try {
    await untilWhole(crew, CONVERGE_WITHIN_MS, note);
    convergedSeconds = (nowMs() - faults.healedMs) / 1000;
  } catch (error) {
    violated("convergence", `after the ${round.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  await checkShown(crew, violated);
  return convergedSeconds;
}

/** Until all hear all others and have one state. Throws with what is lacking. */
async function untilWhole({ machines }: Crew, withinMs: number, note: (text: string) => void): Promise<void> {
  const untilMs = performance.now() + withinMs;
  let before: string | null = null;
  for (;;) {
    const beganMs = performance.now();
    const lacking = await lackingOf(machines);
    if (lacking === null) return;
    if (lacking !== before) note(lacking);
    before = lacking;
    if (performance.now() > untilMs) throw new Error(lacking);
    const tookMs = performance.now() - beganMs;
    await sleep(Math.max(POLL_MS, tookMs * (1 / SHARE_OF_LOOKING - 1)));
  }
}

async function lackingOf(machines: Crew["machines"]): Promise<string | null> {
  const states = await Promise.all(
    machines.map(async (machine): Promise<[string, string]> => {
      const hash = await machine.status().then(
        ({ stateHash }) => stateHash,
        () => "no answer",
      );
      return [machine.name, hash];
    }),
  );
  if (new Set(states.map(([, hash]) => hash)).size > 1) return `they do not agree: ${sidesOf(states)}`;
  const deaf = await Promise.all(
    machines.map(async (machine) => {
      const heard = new Map((await machine.peers().catch(() => [])).map(({ name, online }) => [name, online]));
      const missed = machines.filter(({ name }) => name !== machine.name && heard.get(name) !== "yes");
      return missed.length === 0 ? [] : [`${machine.name} does not hear ${missed.map(({ name }) => name).join(", ")}`];
    }),
  );
  return deaf.flat().length === 0 ? null : deaf.flat().join("; ");
}

/** At the end everybody takes everybody for alive. */
async function untilAlive({ machines }: Crew, violated: Violated): Promise<void> {
  const untilMs = performance.now() + SETTLE_MS;
  for (;;) {
    const wrong: string[] = [];
    for (const machine of machines) {
      for (const { name, verdict } of await machine.peers()) {
        const isOne = name !== machine.name && machines.some((other) => other.name === name);
        if (isOne && verdict !== "alive") wrong.push(`at the end ${machine.name} takes ${name} for ${verdict}`);
      }
    }
    if (wrong.length === 0) return;
    if (performance.now() > untilMs) {
      for (const detail of wrong) violated("verdicts", detail);
      return;
    }
    await sleep(1_000);
  }
}

/**
 * Two operators who write as long as they are not asked to pause, and begin nothing while they wait for an answer. While
 * the mesh is cut, each is on one side.
 */
class Writer {
  readonly #crew: Crew;
  readonly #random;
  #state: "writing" | "paused" = "paused";
  readonly #busy = new Map<Person, Promise<unknown>>();

  constructor(crew: Crew, seed: string) {
    this.#crew = crew;
    this.#random = seededRandom(`writer ${seed}`);
  }

  start(): void {
    setInterval(() => {
      if (this.#state === "writing") this.#write();
    }, WRITE_EVERY_MS).unref();
  }

  resume(): void {
    this.#state = "writing";
  }

  /** Resolves when what was begun has its answer. */
  async pause(): Promise<void> {
    this.#state = "paused";
    await Promise.all(this.#busy.values());
  }

  #write(): void {
    const { people, machines, minority } = this.#crew;
    const person: Person = this.#random.below(2) === 0 ? "alice" : "bob";
    if (this.#busy.has(person)) return;
    const side = machines.filter(({ state, name }) => {
      return state === "up" && (minority.size === 0 || minority.has(name) === (person === "bob"));
    });
    if (side.length === 0) return;
    const through = side[this.#random.below(side.length)] as (typeof side)[number];
    const written = this.#crew.turn(person, () => people.write(person, through, this.#random));
    this.#busy.set(
      person,
      written.finally(() => this.#busy.delete(person)),
    );
  }
}
