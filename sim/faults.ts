import type { Random } from "../src/core/ports/random.ts";
import type { Family } from "./acts.ts";
import { CALM, type FaultPlan, type Recurring, TAIL_MS } from "./fault-plan.ts";
import { FAULTS } from "./faults/catalogue.ts";
import { symmetric } from "./faults/clocks.ts";
import { cutInTwo } from "./faults/cuts.ts";
import { between, type Fault, type FaultSite, namesOf } from "./faults/fault.ts";
import type { Machine } from "./machine.ts";
import type { World } from "./world.ts";

const CRASH_AT_WORD_ONE_IN = 8;
/** After the heal, for longer than anybody may take not to know of it. */
export const LAST_CRASH = "stays down";
const NOTHING = new Uint8Array(0);

/** Makes the plan come true until {@link heal}. */
export class Faults {
  readonly #world: World;
  readonly #plan: FaultPlan;
  readonly #random: Random;
  #state: "new" | "active" | "healed" = "new";
  /** Machines that this put down and has not brought back. */
  readonly #down = new Set<Machine>();
  /** What ends at the heal, if not before. */
  readonly #ends = new Set<() => void>();

  constructor(world: World, plan: FaultPlan) {
    this.#world = world;
    this.#plan = plan;
    this.#random = world.random.fork("faults");
  }

  start(): void {
    this.#state = "active";
    const { machines, network } = this.#world;
    const { delayMs, driftPpm, duplication, loss, offsetMs, recurring, tail } = this.#plan;
    network.setLoss(loss);
    network.setDuplication(duplication);
    network.setDelay(...delayMs);
    network.setTail(tail, TAIL_MS);
    const random = this.#random.fork("clocks");
    for (const { clock } of machines) {
      if (offsetMs > 0 && random.below(2) === 0) clock.skew({ offsetMs: symmetric({ random }, offsetMs) });
      if (driftPpm > 0) clock.skew({ driftPpm: symmetric({ random }, driftPpm) });
    }
    if ("crash" in recurring) this.#crashAtWord();
    for (const fault of FAULTS) this.#recur(fault, recurring[fault.kind], this.#siteOf(fault.kind));
  }

  /** Ends everything and brings everybody back. What clocks say stays as wrong as it is. */
  heal(): void {
    this.#state = "healed";
    const { network } = this.#world;
    for (const end of [...this.#ends]) end();
    network.heal();
    network.setLoss(0);
    network.setDuplication(0);
    network.setDelay(...CALM.delayMs);
    network.setTail(CALM.tail, TAIL_MS);
    for (const machine of [...this.#down]) this.#bringBack(machine);
  }

  /** One more cut that leaves machines on both sides; null if there is none. */
  cut(lastsMs: number): ReturnType<typeof cutInTwo> {
    return cutInTwo(this.#siteOf("last cut"), lastsMs);
  }

  /** One machine that runs loses its power and stays without; null where this run does without it. */
  putOut(): Machine | null {
    const random = this.#random.fork("last crash");
    const [machine] = pickSome(random, this.#free, 1);
    if (machine === undefined || !this.#take("crash", LAST_CRASH, [machine])) return null;
    this.#down.add(machine);
    machine.crash();
    return machine;
  }

  /** What {@link putOut} put down. */
  bringBack(machine: Machine): void {
    this.#bringBack(machine);
  }

  #recur(fault: Fault, recurring: Recurring | undefined, site: FaultSite): void {
    if (recurring === undefined) return;
    const { everyMs, lastsMs } = recurring;
    this.#world.clock.after(site.random.below(2 * everyMs), () => {
      if (this.#state !== "active") return;
      fault.happen(site, between(site.random, lastsMs));
      this.#recur(fault, recurring, site);
    });
  }

  #siteOf(kind: string): FaultSite {
    const random = this.#random.fork(kind);
    const isActive = () => this.#state === "active";
    return {
      world: this.#world,
      random,
      take: (family, act, who) => this.#take(family, act, who),
      pick: () => pickSome(random, this.#free, 1)[0],
      pickSome: (most) => pickSome(random, this.#free, 1 + random.below(most)),
      lasts: (lastsMs, end) => this.#lasts(lastsMs, end),
      powerCut: (machine, lastsMs, how) => this.#powerCut(machine, lastsMs, how),
      stop: (machine, lastsMs) => this.#stop(machine, lastsMs),
      get isActive() {
        return isActive();
      },
    };
  }

  #take(family: Family, kind: string, who: readonly Machine[]): boolean {
    const { acts, clock, trace } = this.#world;
    if (!acts.take(family, kind, namesOf(who))) return false;
    trace.note(clock.monotonic(), "world", kind, NOTHING);
    return true;
  }

  /** Machines that run, and that nothing has in its hands. */
  get #free(): readonly Machine[] {
    return this.#world.running.filter((machine) => !this.#down.has(machine) && !machine.isPaused);
  }

  /** The worst moment for a power cut: the agent has just said that something is durable. */
  #crashAtWord(): void {
    const random = this.#random.fork("crash at its word");
    this.#world.history.onAcknowledged(({ machine: name }) => {
      if (random.below(CRASH_AT_WORD_ONE_IN) > 0) return;
      this.#world.clock.after(0, () => {
        const machine = this.#free.find((free) => free.name === name);
        if (this.#state !== "active" || machine === undefined) return;
        if (this.#take("crash", "crash at its word", [machine])) this.#powerCut(machine, 1_000);
      });
    });
  }

  #lasts(lastsMs: number, end: () => void): void {
    const calm = this.#world.trouble();
    const once = () => {
      if (!this.#ends.delete(once)) return;
      end();
      calm();
    };
    this.#ends.add(once);
    this.#world.clock.after(lastsMs, once);
  }

  #powerCut(machine: Machine, lastsMs: number, how?: "whole" | "tear"): void {
    const { clock, trace } = this.#world;
    this.#down.add(machine);
    machine.crash(how);
    trace.note(clock.monotonic(), machine.name, "crash", NOTHING);
    clock.after(lastsMs, () => this.#bringBack(machine));
  }

  #stop(machine: Machine, lastsMs: number): void {
    const { clock, trace } = this.#world;
    this.#down.add(machine);
    trace.note(clock.monotonic(), machine.name, "stop", NOTHING);
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
}

function pickSome<T>(random: Random, from: readonly T[], most: number): T[] {
  const left = [...from];
  const picked: T[] = [];
  while (picked.length < most && left.length > 0) picked.push(...left.splice(random.below(left.length), 1));
  return picked;
}
