import { equalBytes } from "../../src/core/bytes.ts";
import { labelPath, serverLabelPath } from "../../src/core/paths.ts";
import { checkOwnWord } from "../checkers/acknowledged.ts";
import { checkBatches } from "../checkers/batches.ts";
import { checkReference } from "../checkers/reference.ts";
import { checkEntry } from "../checkers/unauthorised.ts";
import { Hands } from "../hands.ts";
import type { Machine } from "../machine.ts";
import { Archive } from "../reference/archive.ts";
import { checkReads } from "../returns/checks.ts";
import { checkAtEnd, converge, type RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import { Workload } from "../workload.ts";
import type { World, WorldOptions } from "../world.ts";
import { earlierRelease, laterRelease } from "./load.ts";
import { type Release, THIS_RELEASE } from "./release.ts";

/** Of the day before; see `test/releases`. */
const EARLIER = "752a63c";
const SECRET = "mail/relay";
const SECOND_MS = 1_000;
/** From one machine's new release to the next machine's. */
const ROLL_MS = 15 * SECOND_MS;
/** Between two writes of operators, everybody has had the time to agree. */
const AGREE_WITHIN_MS = 90 * SECOND_MS;
const SETTLE_MS = 60 * SECOND_MS;

/**
 * One world whose machines get other releases, one after the other and while operators work: from one that was to this
 * one, some of them to one that may come, and all the way back. In every mixture all make the same of what they know,
 * and nothing is lost.
 */
export async function runReleases(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  const [earlier, later] = [await earlierRelease(EARLIER), await laterRelease()];
  return told({ ...options, nodes: 6 }, async (world) => {
    const story = new Story(world);
    for (const machine of world.machines) machine.release = earlier;
    await startAll(world);
    await story.work();
    // The coordinator and the stores are the first three.
    await story.roll("from an earlier release to this one", THIS_RELEASE, 0, 6);
    await story.roll("coordinator and stores to a later release", later, 0, 3);
    await story.roll("the later release back to this one", THIS_RELEASE, 0, 3);
    await story.roll("those without a role to a later release", later, 3, 6);
    await story.roll("everybody back to the earlier release", earlier, 0, 6);
    await story.end();
  });
}

class Story {
  readonly #world: World;
  readonly #random;
  readonly #workload: Workload;
  readonly #hands: Hands;
  readonly #archive = new Archive();
  /** What was set last. */
  #text = "";

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork("releases");
    this.#hands = new Hands(world, "releases");
    this.#workload = new Workload(world, { writesPerMachineAndMinute: 1 });
    world.onStart((machine, { replica }) => {
      checkOwnWord(world, machine);
      replica.onGrowth(({ entries }) => {
        for (const entry of entries) checkEntry(world, machine, entry);
        this.#archive.note(entries);
      });
    });
  }

  async work(): Promise<void> {
    const { alice } = this.#world;
    this.#workload.start();
    await this.#hands.write(alice, this.#coordinator, [
      { path: labelPath("mail"), value: { secrets: [SECRET] } },
      ...this.#readers.map(({ id }) => ({ path: serverLabelPath(id, "mail"), value: true })),
    ]);
    await this.#set("at first");
    await this.#pass(ROLL_MS);
  }

  async roll(how: string, release: Release, from: number, to: number): Promise<void> {
    const { machines } = this.#world;
    for (const machine of machines.slice(from, to)) {
      // An update that fails is a power cut as well.
      if (this.#random.below(3) === 0) machine.crash();
      else await this.#world.until(machine.stop());
      machine.release = release;
      await this.#world.until(machine.start());
      await this.#pass(ROLL_MS);
      this.#look();
    }
    // What one release set the others serve and read, in this mixture and, as it was kept, in those that follow.
    await this.#expectSecret(`${how}, with what was set before`);
    await this.#set(how);
    await this.#pass(2 * ROLL_MS);
    await this.#expectSecret(how);
    if (await this.#agree()) this.#world.reached(`all agreed: ${how}`);
    else this.#world.violated("convergence", `${how}: the machines do not agree`);
  }

  async end(): Promise<void> {
    this.#workload.end();
    await converge(this.#world, this.#workload);
    await this.#pass(SETTLE_MS);
    await checkAtEnd(this.#world, this.#archive);
  }

  async #set(text: string): Promise<void> {
    this.#text = text;
    await this.#hands.setSecret(this.#world.alice, this.#coordinator, SECRET, text);
  }

  /** One reader has lost what it kept: it asks the stores. */
  async #expectSecret(when: string): Promise<void> {
    const [forgetful] = this.#readers as [Machine];
    forgetful.crash();
    const left = [...forgetful.disk.image()].filter(([key]) => !key.startsWith("secret-cache/"));
    forgetful.disk.setBack(new Map(left));
    await this.#world.until(forgetful.start());
    await this.#pass(ROLL_MS);
    const facts = { path: SECRET, text: this.#hands.valueOf(SECRET, this.#text), readers: this.#readers, others: [] };
    await checkReads(this.#world, when, facts);
  }

  get #coordinator(): Machine {
    return this.#world.machines[0] as Machine;
  }

  get #readers(): readonly Machine[] {
    return this.#world.machines.slice(3, 5);
  }

  #look(): void {
    for (const machine of this.#world.running) {
      checkBatches(this.#world, machine);
      checkReference(this.#world, this.#archive, machine);
    }
  }

  async #agree(): Promise<boolean> {
    const untilMs = this.#world.clock.monotonic() + AGREE_WITHIN_MS;
    const hashes = () => this.#world.machines.map(({ agent }) => agent?.replica.stateHash() ?? new Uint8Array(0));
    while (this.#world.clock.monotonic() < untilMs) {
      await this.#pass(SECOND_MS);
      const [first = new Uint8Array(0), ...others] = hashes();
      if (others.every((hash) => equalBytes(hash, first))) return true;
    }
    return false;
  }

  async #pass(durationMs: number): Promise<void> {
    await this.#world.clock.runUntil(this.#world.clock.monotonic() + durationMs);
  }
}
