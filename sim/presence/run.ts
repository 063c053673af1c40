import type { Verdict } from "../../src/core/ports/verdict.ts";
import { checkDeadAreKnown, checkVerdictsAtEnd, KNOWN_MS } from "../checkers/verdicts.ts";
import { Hands, keysOf, others, running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";

const SECOND_MS = 1_000;
const SETTLE_MS = 20 * SECOND_MS;
/** Connections are found dead after three seconds, two later a machine knows that it hears nobody, and three later it has made up its mind. */
const ALONE_MS = 6_500;
/** Whoever cannot dial a member says so, and the member answers. */
const DEFENCE_MS = 30 * SECOND_MS;

/**
 * One world about who takes whom for gone: a machine hears nobody for some seconds and is back, and it is nobody's news that
 * it had lost sight of all; another one, which most cannot dial and which has just answered for that, dies together with the
 * only one that was connected to it, and is known to be gone as soon as anybody else who dies.
 */
export async function runPresence(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 20, machines: "acquainted" }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.settle();
    await story.loseSight();
    await story.defendAndDie();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "presence");
  }

  async settle(): Promise<void> {
    await this.#hands.pass(SETTLE_MS);
    checkVerdictsAtEnd(this.#world);
  }

  /** What the others find out about it is true: it was away. */
  async loseSight(): Promise<void> {
    const { machines, network } = this.#world;
    const alone = this.#any();
    let meetsMs = Number.POSITIVE_INFINITY;
    const ends = this.#watch(machines, (machine, about, verdict) => {
      if (about === alone || verdict === "alive") return;
      if (machine === alone) this.#world.reached("a machine that hears nobody doubts somebody");
      if (verdict === "suspect" || (machine === alone && this.#nowMs < meetsMs)) return;
      this.#world.violated("verdicts", `${machine.name} takes ${about.name} for ${verdict}, which is there`);
    });
    const back = network.cut([alone.key], keysOf(others(machines, alone)));
    await this.#hands.pass(ALONE_MS);
    back();
    const isMet = () =>
      running(alone)
        .mesh.opinions()
        .some(({ connected }) => connected === "direct");
    if (!(await this.#hands.until(SETTLE_MS, isMet))) this.#world.violated("verdicts", `${alone.name} is not back`);
    meetsMs = this.#nowMs;
    await this.#hands.pass(SETTLE_MS);
    ends();
    checkVerdictsAtEnd(this.#world);
  }

  async defendAndDie(): Promise<void> {
    const { machines, network } = this.#world;
    const [dead, friend] = this.#two();
    const rest = others(machines, dead, friend);
    const doubted = new Set<Machine>();
    const ends = this.#watch(rest, (machine, about, verdict) => {
      if (about === dead && verdict === "suspect") doubted.add(machine);
    });
    const heal = network.cut([dead.key], keysOf(rest));
    const isDefended = () => rest.every((one) => doubted.has(one) && this.#verdict(one, dead) === "alive");
    if (await this.#hands.until(DEFENCE_MS, isDefended))
      this.#world.reached("a machine has defended itself before all");
    ends();
    dead.crash();
    friend.crash();
    heal();
    await this.#hands.pass(KNOWN_MS + SECOND_MS);
    checkDeadAreKnown(this.#world);
    for (const machine of [dead, friend]) await this.#world.until(machine.start());
    await this.#hands.pass(SETTLE_MS);
    checkVerdictsAtEnd(this.#world);
  }

  #watch(
    machines: readonly Machine[],
    changed: (machine: Machine, about: Machine, verdict: Verdict) => void,
  ): () => void {
    const ends = machines.map((machine) =>
      running(machine).mesh.onVerdictChange((now) => {
        const about = now === null ? undefined : this.#world.machineWith(now.member);
        if (now !== null && about !== undefined) changed(machine, about, now.verdict);
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  }

  #verdict(by: Machine, about: Machine): string | undefined {
    return running(by).mesh.verdict(about.key)?.verdict;
  }

  #any(): Machine {
    const { machines } = this.#world;
    return machines[this.#hands.random.below(machines.length)] as Machine;
  }

  #two(): [Machine, Machine] {
    const first = this.#any();
    const left = others(this.#world.machines, first);
    return [first, left[this.#hands.random.below(left.length)] as Machine];
  }

  get #nowMs(): number {
    return this.#world.clock.monotonic();
  }
}
