import { labelPath, serverLabelPath } from "../../src/core/paths.ts";
import { Hands, running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";

const PATH = "mail/relay";
const SECOND_MS = 1_000;
const SETTLE_MS = 20 * SECOND_MS;
/** Whoever asks in vain for so long asks once a minute. */
const IN_VAIN_MS = 600 * SECOND_MS;
/** From the start of a machine to what it makes possible. */
const WOKEN_MS = 12 * SECOND_MS;

/**
 * One world in which a machine, and then a store, have asked for long for what nobody can give who is there. As soon as
 * somebody who can is back, they have it.
 */
export async function runWakes(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 6 }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.declare();
    await story.wakeAMachine();
    await story.wakeAStore();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "wakes");
  }

  async declare(): Promise<void> {
    const { alice } = this.#world;
    await this.#hands.pass(SETTLE_MS);
    await this.#hands.write(alice, this.#machine(0), [{ path: labelPath("mail"), value: { secrets: [PATH] } }]);
    await this.#hands.setSecret(alice, this.#machine(0), PATH, "one");
    await this.#hands.pass(SETTLE_MS);
  }

  async wakeAMachine(): Promise<void> {
    const { alice } = this.#world;
    const late = this.#machine(3);
    for (const store of this.#stores) store.crash();
    await this.#hands.write(alice, this.#machine(0), [{ path: serverLabelPath(late.id, "mail"), value: true }]);
    await this.#vain();
    await this.#world.until(this.#stores[1].start());
    await this.#hands.pass(WOKEN_MS);
    this.#reads("a store is back", late, "one");
  }

  /** It was down when the value was set, and has asked for what only the other one has. */
  async wakeAStore(): Promise<void> {
    const { alice } = this.#world;
    const [having, lacking] = this.#stores;
    lacking.crash();
    await this.#world.until(having.start());
    await this.#hands.pass(SETTLE_MS);
    await this.#hands.setSecret(alice, this.#machine(0), PATH, "two");
    await this.#hands.pass(SECOND_MS);
    having.crash();
    await this.#world.until(lacking.start());
    await this.#vain();
    await this.#world.until(having.start());
    await this.#hands.pass(WOKEN_MS);
    having.crash();
    const late = this.#machine(4);
    await this.#hands.write(alice, this.#machine(0), [{ path: serverLabelPath(late.id, "mail"), value: true }]);
    await this.#hands.pass(SETTLE_MS);
    this.#reads("the other store was there for a moment", late, "two");
    await this.#world.until(having.start());
  }

  /** Not the same time in every world: what asks now and then is to be caught between. */
  async #vain(): Promise<void> {
    await this.#hands.pass(IN_VAIN_MS + this.#hands.random.below(60) * SECOND_MS);
  }

  #reads(when: string, machine: Machine, text: string): void {
    // From the machine alone: it must have asked by itself.
    const held = running(machine).cache.held(PATH);
    const found = held === null ? null : Buffer.from(held.value.reveal()).toString();
    if (held?.state === "fresh" && found === this.#hands.valueOf(PATH, text))
      this.#world.reached(`${when}, and what it has is held`);
    else this.#world.violated("secrets", `${when}: ${machine.name} does not hold what it has of ${PATH}`);
  }

  get #stores(): readonly [Machine, Machine] {
    return [this.#machine(1), this.#machine(2)];
  }

  #machine(at: number): Machine {
    return this.#world.machines[at] as Machine;
  }
}
