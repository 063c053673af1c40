import { toBase64Url, toHex } from "../src/core/bytes.ts";
import { CLASS_AUDIT } from "../src/crdt/entry/entry.ts";
import { entrySubmitOperation } from "../src/operations/entry.ts";
import { hasConverged } from "./checkers/convergence.ts";
import type { Random } from "../src/core/ports/random.ts";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

/** Something that comes again and again: about how often, and for how long. */
interface Recurring {
  readonly everyMs: number;
  readonly lastsMs: readonly [min: number, max: number];
}

/** What goes wrong in one world. `null`: nothing of that kind. */
export interface FaultPlan {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMs: readonly [min: number, max: number];
  /** The mesh is cut in two. */
  readonly partition: Recurring | null;
  /** One machine loses power and comes back. */
  readonly crash: Recurring | null;
  /** One agent ends in order and comes back. */
  readonly stop: Recurring | null;
  /** Wall clocks are off by up to this much. */
  readonly offsetMs: number;
  /** Clocks run too fast or too slow by up to this many millionths. */
  readonly driftPpm: number;
  /** A wall clock is set anew, within the offset. */
  readonly jump: Recurring | null;
  readonly hostile: "absent" | "member";
  /** One machine loses power and comes back with its disk as it was some time ago. */
  readonly setBack: Recurring | null;
}

export const CALM: FaultPlan = {
  loss: 0,
  duplication: 0,
  delayMs: [1, 30],
  partition: null,
  crash: null,
  stop: null,
  offsetMs: 0,
  driftPpm: 0,
  jump: null,
  hostile: "absent",
  setBack: null,
};

/** Each kind of fault is there or not, and strong or weak, as the seed says: worlds that differ find more than one mean. */
export function drawFaults(random: Random): FaultPlan {
  const chance = (percent: number): boolean => random.below(100) < percent;
  const between = (min: number, max: number): number => min + random.below(max - min + 1);
  const recurring = (percent: number, everyMs: number, lastsMs: readonly [number, number]): Recurring | null =>
    chance(percent) ? { everyMs: between(everyMs / 2, everyMs * 2), lastsMs } : null;
  return {
    loss: chance(60) ? between(1, 100) / 1000 : 0,
    duplication: chance(40) ? between(1, 100) / 1000 : 0,
    delayMs: chance(30) ? [1, between(100, 1500)] : [1, 30],
    partition: recurring(60, 45_000, [3_000, 40_000]),
    crash: recurring(60, 25_000, [500, 30_000]),
    stop: recurring(30, 40_000, [500, 20_000]),
    // Beyond five minutes operators do not sign, and clocks of that far ahead are shown and not merged.
    offsetMs: chance(50) ? (chance(50) ? 20 * 60_000 : between(100, 120_000)) : 0,
    driftPpm: chance(40) ? between(10, 500) : 0,
    jump: recurring(25, 60_000, [0, 0]),
    hostile: chance(75) ? "member" : "absent",
    setBack: recurring(40, 60_000, [500, 5_000]),
  };
}

/** Beyond five minutes from an agent's clock an operator does not sign at all. */
const MOST_APART_MS = 4 * 60_000;

const CRASH_AT_WORD_ONE_IN = 8;

/** How old the image is that a disk is set back to. */
const IMAGE_AGE_MS = [5_000, 60_000] as const;
/** From the start of a machine that was set back to what it has to write down, and as long until it hears others. */
const ALONE_MS = 1_000;
/** Somebody who found the mesh in disagreement looks again. */
const LOOK_AGAIN_MS = 1_000;

/** Makes the plan come true until {@link heal}. */
export class Faults {
  readonly counts: Record<string, number> = {};
  readonly #world: World;
  readonly #plan: FaultPlan;
  readonly #random: Random;
  #state: "new" | "active" | "healed" = "new";
  #cuts = 0;
  /** Machines that this put down and has not brought back. */
  readonly #down = new Set<Machine>();

  constructor(world: World, plan: FaultPlan) {
    this.#world = world;
    this.#plan = plan;
    this.#random = world.random.fork("faults");
  }

  start(): void {
    this.#state = "active";
    const { clock, machines, network } = this.#world;
    const { crash, delayMs, driftPpm, duplication, jump, loss, offsetMs, partition, setBack, stop } = this.#plan;
    network.setLoss(loss);
    network.setDuplication(duplication);
    network.setDelay(...delayMs);
    if (offsetMs > 0) {
      for (const machine of machines) if (this.#random.below(2) === 0) this.#setClock(machine);
      // Two laptops, one fast and one slow: what the one writes, the other may see without going ahead of its own clock.
      const apartMs = Math.min(offsetMs, MOST_APART_MS);
      clock.clockFor("alice").skew({ offsetMs: apartMs });
      clock.clockFor("bob").skew({ offsetMs: -apartMs });
    }
    if (driftPpm > 0) for (const machine of machines) machine.clock.skew({ driftPpm: this.#symmetric(driftPpm) });
    if (crash !== null) this.#crashAtWord();
    this.#recur(partition, (lastsMs) => void this.cut(lastsMs));
    this.#recur(crash, (lastsMs) => this.#crash("crash", lastsMs));
    this.#recur(stop, (lastsMs) => this.#stop(lastsMs));
    this.#recur(jump, () => this.#jump());
    this.#recur(setBack, (lastsMs) => this.#setBack(lastsMs));
  }

  /** Ends everything and brings everybody back. What clocks say stays as wrong as it is. */
  heal(): void {
    this.#state = "healed";
    const { network } = this.#world;
    network.heal();
    network.setLoss(0);
    network.setDuplication(0);
    network.setDelay(...CALM.delayMs);
    for (const machine of [...this.#down]) this.#bringBack(machine);
    const { broadcastsLost, requestsLost, broadcastsDuplicated } = network.counters;
    if (broadcastsLost + requestsLost > 0) this.counts.lost = broadcastsLost + requestsLost;
    if (broadcastsDuplicated > 0) this.counts.duplicated = broadcastsDuplicated;
  }

  #recur(recurring: Recurring | null, happen: (lastsMs: number) => void): void {
    if (recurring === null) return;
    const { everyMs, lastsMs } = recurring;
    const [min, max] = lastsMs;
    this.#world.clock.after(this.#random.below(2 * everyMs), () => {
      if (this.#state !== "active") return;
      happen(min + this.#random.below(max - min + 1));
      this.#recur(recurring, happen);
    });
  }

  /**
   * Cuts the mesh in two halves with machines in both; null if chance put all on one side. The hostile machine is in
   * either. A cut during another one adds to it, and both end with the later one.
   */
  cut(lastsMs: number): { readonly here: readonly Machine[]; readonly there: readonly Machine[] } | null {
    const { clock, hostile, machines, network, trace } = this.#world;
    const here = machines.filter(() => this.#random.below(2) === 0);
    const there = machines.filter((machine) => !here.includes(machine));
    if (here.length === 0 || there.length === 0) return null;
    const keysOf = (side: readonly Machine[]): string[] => side.map(({ key }) => key);
    const mole = toHex(hostile.member.signer.publicKey);
    network.cut([...keysOf(here), ...(this.#random.below(2) === 0 ? [mole] : [])], keysOf(there));
    trace.note(clock.monotonic(), "world", "cut", new Uint8Array(0));
    this.#count("partition");
    const number = ++this.#cuts;
    clock.after(lastsMs, () => {
      if (number === this.#cuts) network.heal();
    });
    return { here, there };
  }

  /** The worst moment for a power cut: the agent has just said that something is durable. */
  #crashAtWord(): void {
    this.#world.history.onAcknowledged(({ machine: name }) => {
      if (this.#random.below(CRASH_AT_WORD_ONE_IN) > 0) return;
      this.#world.clock.after(0, () => {
        const machine = this.#world.running.find((running) => running.name === name);
        if (this.#state !== "active" || machine === undefined || this.#down.has(machine)) return;
        this.#crash("crash at its word", 1_000, machine);
      });
    });
  }

  #crash(kind: string, lastsMs: number, machine = this.#pick()): void {
    if (machine === undefined) return;
    this.#count(kind);
    const { clock, trace } = this.#world;
    this.#down.add(machine);
    machine.crash();
    trace.note(clock.monotonic(), machine.name, "crash", new Uint8Array(0));
    clock.after(lastsMs, () => this.#bringBack(machine));
  }

  /**
   * A machine whose disk is replaced by an image of it, and that hears nobody for a while when it comes back. Not a
   * store, which could have had the only copy of a value. It happens at a moment when all others know all that it has:
   * what is lost with it is then only its own memory, and if a number of its logs is used twice, that is its own fault.
   * It has something to write down after the image, and again before it hears anybody.
   */
  #setBack(lastsMs: number): void {
    const { clock, history, machines, trace } = this.#world;
    const machine = this.#pick();
    const isStore = () => machine?.agent?.view().nodes.get(machine.id)?.roles.has("secret-store") !== false;
    if (machine === undefined || isStore()) return;
    const image = machine.disk.image();
    this.#submitNonsense(machine);
    const [min, max] = IMAGE_AGE_MS;
    const look = (): void => {
      if (this.#state !== "active") return;
      const isQuiet = machines.every(({ agent }) => agent !== null) && hasConverged(this.#world);
      if (!isQuiet || !machines.every((other) => knowsLogsOf(other, machine))) {
        clock.after(LOOK_AGAIN_MS, look);
        return;
      }
      if (isStore()) return;
      this.#isolate(machine, lastsMs + 2 * ALONE_MS);
      this.#crash("set back", lastsMs, machine);
      machine.disk.setBack(image);
      history.setBack(machine.name);
      trace.note(clock.monotonic(), machine.name, "set back", new Uint8Array(0));
      clock.after(lastsMs + ALONE_MS, () => this.#submitNonsense(machine));
    };
    clock.after(min + this.#random.below(max - min), look);
  }

  /** Its agent refuses it and writes that down. */
  #submitNonsense(machine: Machine): void {
    if (machine.agent === null) return;
    const entries = [toBase64Url(Uint8Array.of(this.#random.below(256)))];
    // Not waited for: whoever asked goes when the machine does.
    this.#world.begin(`nonsense on ${machine.name}`, () => machine.call(entrySubmitOperation, { entries }));
  }

  #isolate(machine: Machine, lastsMs: number): void {
    const { clock, hostile, machines, network } = this.#world;
    const others = machines.filter((other) => other !== machine).map(({ key }) => key);
    network.cut([machine.key], [...others, toHex(hostile.member.signer.publicKey)]);
    const number = ++this.#cuts;
    clock.after(lastsMs, () => {
      if (number === this.#cuts) network.heal();
    });
  }

  #stop(lastsMs: number): void {
    const machine = this.#pick();
    if (machine === undefined) return;
    this.#count("stop");
    const { clock, trace } = this.#world;
    this.#down.add(machine);
    trace.note(clock.monotonic(), machine.name, "stop", new Uint8Array(0));
    this.#world.begin(`stop of ${machine.name}`, async () => {
      await machine.stop();
      clock.after(this.#state === "active" ? lastsMs : 0, () => this.#bringBack(machine));
    });
  }

  #bringBack(machine: Machine): void {
    // An agent that is still ending is brought back by whoever ends it.
    if (!machine.isDown || !this.#down.delete(machine)) return;
    this.#world.begin(`start of ${machine.name}`, () => machine.start());
  }

  #jump(): void {
    const machine = this.#pick();
    if (machine === undefined) return;
    this.#count("clock jump");
    this.#setClock(machine);
  }

  #setClock(machine: Machine): void {
    machine.clock.skew({ offsetMs: this.#symmetric(Math.max(this.#plan.offsetMs, 1_000)) });
  }

  #symmetric(limit: number): number {
    return this.#random.below(2 * limit + 1) - limit;
  }

  /** A machine that runs. */
  #pick(): Machine | undefined {
    const running = this.#world.running.filter((machine) => !this.#down.has(machine));
    return running.length === 0 ? undefined : running[this.#random.below(running.length)];
  }

  #count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }
}

/** Whether the ends of the own logs of `machine` are known to `other`. */
function knowsLogsOf(other: Machine, machine: Machine): boolean {
  const [here, there] = [machine.agent?.replica, other.agent?.replica];
  if (here === undefined || there === undefined) return false;
  const tip = here.chain(machine.id, CLASS_AUDIT)?.main.at(-1)?.entry.id;
  const report = here.observed.get(machine.id);
  const known = there.observed.get(machine.id);
  const sameReport = report?.state !== "record" || (known?.state === "record" && known.entry.id === report.entry.id);
  return sameReport && (tip === undefined || there.chain(machine.id, CLASS_AUDIT)?.find(tip) !== undefined);
}
