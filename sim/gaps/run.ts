import { backedUpEntries } from "../../src/crdt/backup/contents.ts";
import { CLASS_AUDIT } from "../../src/crdt/entry/entry.ts";
import { checkOwnLogs } from "../checkers/unauthorised.ts";
import { Hands, keysOf, others, running, submitNonsense } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";

const SECOND_MS = 1_000;
/** Agents sum up what they hold a minute after their start, and begin with that the next time. */
const SUMMED_MS = 70 * SECOND_MS;
const SETTLE_MS = 20 * SECOND_MS;
const LEAST_ACTS = 8;

/**
 * One world in which a machine has begun at what it had summed up, and finds a record of its own audit log damaged when it
 * reads what lies below: while it is cut off, so that nobody can tell it where its log ends. Later it loses all that it
 * knew, is cut off again, and is given a backup.
 */
export async function runGaps(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 4 }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.write();
    await story.damage();
    await story.goOn();
    await story.lose();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  readonly #damaged: Machine;
  #acts = 0;

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "gaps");
    this.#damaged = world.machines[this.#hands.random.below(world.machines.length)] as Machine;
  }

  async write(): Promise<void> {
    await this.#hands.pass(SETTLE_MS);
    const acts = LEAST_ACTS + this.#hands.random.below(LEAST_ACTS);
    while (this.#acts < acts) await this.#refuse();
    await this.#hands.pass(SUMMED_MS);
    this.#damaged.crash();
    await this.#world.until(this.#damaged.start());
    await this.#hands.pass(SETTLE_MS);
  }

  /** Of its log only what lies before the damage is left to it, and what it refuses next has no number yet. */
  async damage(): Promise<void> {
    const { disk, id } = this.#damaged;
    const { replica } = running(this.#damaged);
    const records = await disk.scan(`entries/c/${id}/`);
    // One that is not the last.
    disk.flipBit(records[1 + this.#hands.random.below(records.length - 2)]?.key as string);
    this.#world.network.cut([this.#damaged.key], keysOf(others(this.#world.machines, this.#damaged)));
    await this.#world.until(replica.checkBelow());
    if (this.#writtenAt(this.#damaged) < this.#acts) this.#world.reached("an own log has a gap");
    await this.#refuse();
    await this.#hands.pass(5 * SECOND_MS);
  }

  async goOn(): Promise<void> {
    const { machines, network } = this.#world;
    network.heal();
    await this.#hands.pass(60 * SECOND_MS);
    checkOwnLogs(this.#world);
    for (const machine of machines) {
      const found = this.#writtenAt(machine);
      if (found === this.#acts) continue;
      this.#world.violated("own-logs", `${machine.name} has ${found} of ${this.#acts} acts of ${this.#damaged.name}`);
    }
  }

  /** Who knows nobody is not alone: it has forgotten them, and itself. */
  async lose(): Promise<void> {
    const { machines, network } = this.#world;
    const { authority, desired, audit } = backedUpEntries(running(this.#damaged).replica).records;
    const backup = [authority, desired, audit].flat().map(({ bytes }) => bytes);
    this.#damaged.crash();
    this.#damaged.loseAll();
    network.cut([this.#damaged.key], keysOf(others(machines, this.#damaged)));
    await this.#world.until(this.#damaged.start());
    await this.#refuse();
    // Whoever finds the backup takes longer than an agent waits for others.
    await this.#hands.pass(70 * SECOND_MS);
    await this.#world.until(running(this.#damaged).submit(backup));
    if (this.#writtenAt(this.#damaged) === this.#acts - 1) this.#world.reached("a backup restores an own log");
    await this.#hands.pass(5 * SECOND_MS);
    await this.goOn();
  }

  /** The agent refuses it, and writes that into its audit. */
  async #refuse(): Promise<void> {
    await submitNonsense(this.#world, this.#damaged);
    this.#acts++;
  }

  #writtenAt(machine: Machine): number {
    return running(machine).replica.chain(this.#damaged.id, CLASS_AUDIT)?.size ?? 0;
  }
}
