import { writeAck } from "../src/core/alarms/handled.ts";
import { alarmId } from "../src/core/alarms/incidents.ts";
import type { Json } from "../src/core/json.ts";
import { writeAlarmRoute } from "../src/core/model/alarm-route.ts";
import { alarmAckPath, alarmRoutePath, serverAttributePath } from "../src/core/paths.ts";
import { checkTold, type Expected } from "./checkers/alarms.ts";
import { Hands } from "./hands.ts";
import type { Machine } from "./machine.ts";
import type { RunReport } from "./run.ts";
import { startAll, told } from "./told.ts";
import { PROGRAM, type World, type WorldOptions } from "./world.ts";

/** By which everything is told once. */
const PAGE = "page";
/** By which it is told again and again, until somebody has seen it. */
const NAG = "nag";
const NAG_SECONDS = 120;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** From a fault to the last word about it: the alarm time, and a turn for each who fails before one does not. */
const TOLD_WITHIN_MS = 4 * MINUTE_MS;

/**
 * One world in which machines die, come back and are cut off, and what people are told of it: each thing once for each
 * part of the mesh that hangs together, nothing for a short stop, nothing about others from whoever is isolated,
 * nothing again of what somebody has seen, and in the end that it is over.
 */
export async function runAlarms(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  // With the one that never runs six members, so that two that are cut off see less than half, and three do not.
  return told({ ...options, nodes: 5 }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.lateRoutes();
    await story.calm();
    await story.shortStop();
    await story.death();
    await story.cut();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  #told = 0;

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "alarms");
  }

  /** Somebody is missed from the beginning, and for long there is nobody to tell. Then that is told, and its end. */
  async lateRoutes(): Promise<void> {
    const { alice, hostile, machines } = this.#world;
    const { id, name } = hostile.member;
    const missed = { kind: "unreachable", about: name, from: namesOf(machines) };
    await this.#hands.pass(TOLD_WITHIN_MS);
    for (const machine of machines) {
      const shown = machine.agent?.alarms.alarms().find(({ about }) => about === name);
      if ((shown?.raisedBy ?? null) === null) this.#world.violated("alarms", `${machine.name} does not miss ${name}`);
    }
    await this.#hands.write(alice, machines[0] as Machine, [
      { path: alarmRoutePath(PAGE), value: route([], null) },
      { path: alarmRoutePath(NAG), value: route(["unreachable"], NAG_SECONDS) },
    ]);
    await this.#hands.pass(TOLD_WITHIN_MS);
    this.#check([{ ...missed, state: "raised" }]);
    const path = serverAttributePath(id, "availability");
    await this.#hands.write(alice, machines[0] as Machine, [{ path, value: "intermittent" }]);
    await this.#hands.pass(TOLD_WITHIN_MS);
    this.#check([{ ...missed, state: "resolved" }]);
    this.#world.reached("what had stood for long was told by a route that came late");
  }

  async calm(): Promise<void> {
    await this.#hands.pass(3 * MINUTE_MS);
    this.#check([]);
  }

  /** A machine is away for ten seconds: nobody has to know. */
  async shortStop(): Promise<void> {
    const machine = this.#any();
    machine.crash();
    await this.#hands.pass(10 * SECOND_MS);
    await this.#world.until(machine.start());
    await this.#hands.pass(TOLD_WITHIN_MS);
    this.#check([]);
  }

  /** A machine dies, and of the others only one can tell. Somebody sees it; the machine comes back. */
  async death(): Promise<void> {
    const { machines, deaf } = this.#world;
    const dead = this.#any();
    dead.crash();
    const others = machines.filter((machine) => machine !== dead);
    const able = others[this.#hands.random.below(others.length)] as Machine;
    for (const machine of others) if (machine !== able) deaf.add(machine.name);
    await this.#hands.pass(TOLD_WITHIN_MS);
    const raised = [unreachable(dead, [able]), ...missing(others, [able])].map(
      (one) => ({ ...one, state: "raised" }) as const,
    );
    checkTold(this.#world, PAGE, this.#told, raised);
    this.#turnPage();
    deaf.clear();
    await this.#hands.pass(2 * NAG_SECONDS * SECOND_MS);
    if (this.#toldBy(NAG) === 0)
      this.#world.violated("alarms", `that ${dead.name} is gone was not told again by ${NAG}`);
    this.#check([]);
    await this.#acknowledge(able, dead);
    this.#turnPage();
    await this.#hands.pass(3 * NAG_SECONDS * SECOND_MS);
    if (this.#toldBy(NAG) > 0) this.#world.violated("alarms", `what alice has seen was told again by ${NAG}`);
    this.#check([]);
    await this.#world.until(dead.start());
    await this.#hands.pass(TOLD_WITHIN_MS);
    const resolved = raised.map((one) => ({ ...one, state: "resolved", from: namesOf(machines) }) as const);
    this.#check(resolved);
    this.#world.reached("a death was told once, and its end");
  }

  /** Two are cut off from three: those tell who is missing, these that they are isolated, and nothing else. */
  async cut(): Promise<void> {
    const { alice, machines, network } = this.#world;
    const quiet = { path: alarmRoutePath(NAG), value: route(["backlog"], null) };
    await this.#hands.write(alice, machines[0] as Machine, [quiet]);
    const first = this.#hands.random.below(machines.length);
    const few = [machines[first], machines[(first + 1) % machines.length]] as Machine[];
    const many = machines.filter((machine) => !few.includes(machine));
    network.cut(keysOf(few), keysOf(many));
    await this.#hands.pass(TOLD_WITHIN_MS);
    const isolated = { kind: "isolated", about: "homelab", from: namesOf(few) };
    const told = [...few.map((machine) => unreachable(machine, many)), ...missing(many, many), isolated];
    this.#check(told.map((one) => ({ ...one, state: "raised" })));
    network.heal();
    await this.#hands.pass(TOLD_WITHIN_MS);
    this.#check(told.map((one) => ({ ...one, state: "resolved", from: namesOf(machines) })));
    this.#world.reached("a cut was told once on each side, and its end");
  }

  async #acknowledge(at: Machine, dead: Machine): Promise<void> {
    const { alice, keys } = this.#world;
    const id = alarmId((bytes) => keys.hash(bytes), { kind: "unreachable", about: dead.name });
    const seen = at.agent?.alarms.alarms().find((alarm) => alarm.id === id);
    if (seen === undefined) throw new Error(`${at.name} does not show that ${dead.name} is gone`);
    await this.#hands.write(alice, at, [{ path: alarmAckPath(id), value: writeAck(seen.sinceMs, "") }]);
  }

  #check(expected: readonly Expected[]): void {
    checkTold(this.#world, PAGE, this.#told, expected);
    if (expected.length > 0) this.#turnPage();
  }

  #turnPage(): void {
    this.#told = this.#world.notices.length;
  }

  #toldBy(name: string): number {
    return this.#world.notices.slice(this.#told).filter(({ notice }) => notice.route === name).length;
  }

  #any(): Machine {
    const { machines } = this.#world;
    return machines[this.#hands.random.below(machines.length)] as Machine;
  }
}

type Said = Omit<Expected, "state">;

function unreachable({ name }: Machine, from: readonly Machine[]): Said {
  return { kind: "unreachable", about: name, from: namesOf(from) };
}

/** Roles that nobody runs among those who see each other. */
function missing(there: readonly Machine[], from: readonly Machine[]): Said[] {
  const running = new Set(there.flatMap(({ agent }) => agent?.roleReports.map(({ label }) => label) ?? []));
  const lost = ["coordinator", "secret-store"].filter((role) => !running.has(role));
  return lost.map((about) => ({ kind: "role-missing", about, from: namesOf(from) }));
}

function route(kinds: readonly ("unreachable" | "backlog")[], repeatEverySeconds: number | null): Json {
  return writeAlarmRoute({
    channel: { kind: "command", program: PROGRAM, timeoutSeconds: 10 },
    kinds,
    severity: "info",
    about: null,
    via: null,
    repeatEverySeconds,
    managedBy: null,
    rest: {},
  });
}

function keysOf(machines: readonly Machine[]): string[] {
  return machines.map(({ key }) => key);
}

function namesOf(machines: readonly Machine[]): string[] {
  return machines.map(({ name }) => name);
}
