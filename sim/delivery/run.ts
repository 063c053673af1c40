import { labelPath, secretPath, serverLabelPath } from "../../src/core/paths.ts";
import { Hands, keysOf, others } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";
import { PATHS, Watch } from "./checks.ts";
import { DeliverySite, OWNER, TEMPLATE } from "./site.ts";

const SECOND_MS = 1_000;
const GLANCE_MS = 250;
/** From a value in a store to the file, a reconnect included. */
const PLACED_WITHIN_MS = 60 * SECOND_MS;
/** From the start of an agent to what it has kept, without a word from anybody. */
const BOOT_MS = 2 * SECOND_MS;
const KILLS = 8;

/**
 * One world in which agents put secrets in front of programs, while values change under their hands, they are killed in
 * the midst of it, and labels and machines go: what is visible is always one whole generation of values that the machine
 * is entitled to, and every unit hears of what is new.
 */
export async function runDelivery(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 6 }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.declare();
    await story.hurry();
    await story.killInTheMidst();
    await story.bootAlone();
    await story.withoutStores();
    await story.unlabel();
    await story.unlabelBehindACut();
    await story.remove();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  readonly #watch: Watch;
  readonly #sites: readonly DeliverySite[];
  /** Who had the label and was a member, and is not any more. */
  readonly #gone = new Set<DeliverySite>();
  #count = 0;

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "delivery");
    this.#watch = new Watch(world);
    this.#sites = world.machines.map((machine) => new DeliverySite(world, machine, (site) => this.#watch.look(site)));
    world.onStart((machine, agent) => this.#sites.find((site) => site.machine === machine)?.attach(agent));
  }

  async declare(): Promise<void> {
    const { alice } = this.#world;
    await this.#hands.write(alice, this.#first, [
      { path: labelPath("web"), value: { secrets: [...PATHS] } },
      { path: secretPath("web/tls"), value: { type: "static", owner: OWNER.name, reload: "web.service" } },
      { path: secretPath("web/key"), value: { type: "static", reload: "web.service" } },
      ...this.#readers.map(({ machine }) => ({ path: serverLabelPath(machine.id, "web"), value: true })),
    ]);
    await this.#set();
    await this.#expectPlaced("declared", this.#readers);
  }

  /** Values change faster than files are written. */
  async hurry(): Promise<void> {
    for (let i = 0; i < 12; i++) {
      await this.#set(i % 2 === 0 ? ["web/tls"] : ["web/key"]);
      await this.#pass(this.#hands.random.below(400));
    }
    await this.#expectPlaced("changed in a hurry", this.#readers);
    this.#world.reached("values changed faster than they were placed");
  }

  /** Each agent dies at some step of its work, and one in three with the machine's memory. */
  async killInTheMidst(): Promise<void> {
    const { random } = this.#hands;
    for (let round = 0; round < KILLS; round++) {
      const site = this.#readers[random.below(this.#readers.length)] as DeliverySite;
      const losesMemory = random.below(3) === 0;
      this.#killAtStep(site, random.below(12), losesMemory);
      await this.#set();
      await this.#pass(10 * SECOND_MS);
      if (site.machine.isDown) this.#world.reached("an agent died while it placed secrets");
      else site.machine.crash();
      site.directory.atNextStep(null);
      if (losesMemory) site.directory.loseMemory();
      await this.#world.until(site.machine.start());
      await this.#expectPlaced("started again", this.#readers);
      await this.#pass(5 * SECOND_MS);
    }
  }

  /** Without a network and without memory: what the cache has is in place at once. */
  async bootAlone(): Promise<void> {
    const [site] = this.#readers as [DeliverySite];
    const { machine, directory } = site;
    const end = this.#cutOff(machine);
    machine.crash();
    directory.loseMemory();
    await this.#world.until(machine.start());
    await this.#pass(BOOT_MS);
    this.#expectNow("without a network", site);
    end();
    this.#world.reached("a machine that reached nobody had its secrets at once");
    await this.#expectPlaced("connected again", this.#readers);
  }

  /** A machine hears of a new value that no store gives it: its programs go on with what there was. */
  async withoutStores(): Promise<void> {
    const { machines, network } = this.#world;
    const site = this.#readers.at(-1) as DeliverySite;
    const before = site.directory.visible?.contents;
    const end = network.cut([site.machine.key], keysOf(machines.slice(1, 3)));
    await this.#pass(5 * SECOND_MS);
    await this.#set();
    await this.#pass(15 * SECOND_MS);
    const after = site.directory.visible?.contents;
    if (PATHS.some((path) => after?.get(path) !== before?.get(path))) {
      this.#world.violated("delivery", `${site.machine.name} lost what it had when no store could be reached`);
    }
    end();
    this.#world.reached("programs went on with old values while no store could be reached");
    await this.#expectPlaced("connected to stores again", this.#readers);
  }

  /** A label is taken: what it opened is gone where that is heard, and stays where it is not. */
  async unlabel(): Promise<void> {
    const site = this.#readers.at(-1) as DeliverySite;
    await this.#take(site.machine);
    await this.#expectGone("lost its label", site);
  }

  async unlabelBehindACut(): Promise<void> {
    const site = this.#readers.at(-1) as DeliverySite;
    const end = this.#cutOff(site.machine);
    await this.#pass(5 * SECOND_MS);
    await this.#take(site.machine);
    await this.#pass(10 * SECOND_MS);
    this.#expectNow("cut off from whoever took its label", site);
    end();
    await this.#expectGone("lost its label behind a cut", site);
  }

  async remove(): Promise<void> {
    const site = this.#readers.at(-1) as DeliverySite;
    this.#gone.add(site);
    await this.#hands.remove(this.#world.alice, this.#first, site.machine);
    await this.#expectGone("was removed", site);
  }

  async #take({ id }: Machine): Promise<void> {
    const site = this.#sites.find(({ machine }) => machine.id === id) as DeliverySite;
    this.#gone.add(site);
    await this.#hands.write(this.#world.alice, this.#first, [{ path: serverLabelPath(id, "web"), value: undefined }]);
  }

  #killAtStep(site: DeliverySite, steps: number, losesMemory: boolean): void {
    const { directory, machine } = site;
    const next = (left: number): void => {
      directory.atNextStep(() => {
        if (left > 0) next(left - 1);
        else if (!machine.isDown) {
          machine.crash();
          if (losesMemory) directory.loseMemory();
        }
      });
    };
    next(steps);
  }

  async #set(paths: readonly string[] = PATHS): Promise<void> {
    for (const path of paths) await this.#hands.setSecret(this.#world.alice, this.#first, path, `${++this.#count}`);
  }

  #cutOff(machine: Machine): () => void {
    const { network, machines } = this.#world;
    return network.cut([machine.key], keysOf(others(machines, machine)));
  }

  /** With a look at every machine every now and then, as programs look when they like. */
  async #pass(durationMs: number): Promise<void> {
    await this.#until(durationMs, () => false);
  }

  async #until(withinMs: number, holds: () => boolean): Promise<boolean> {
    const untilMs = this.#world.clock.monotonic() + withinMs;
    while (!holds()) {
      if (this.#world.clock.monotonic() >= untilMs) return false;
      await this.#hands.pass(GLANCE_MS);
      for (const site of this.#sites) {
        this.#watch.look(site);
        this.#watch.checkAnswers(site);
        this.#watch.checkTold(site);
      }
    }
    return true;
  }

  async #expectPlaced(when: string, sites: readonly DeliverySite[]): Promise<void> {
    if (await this.#until(PLACED_WITHIN_MS, () => sites.every((site) => this.#isPlaced(site)))) return;
    for (const site of sites) if (!this.#isPlaced(site)) this.#lacks(when, site);
  }

  #expectNow(when: string, site: DeliverySite): void {
    if (!this.#isPlaced(site)) this.#lacks(when, site);
  }

  #lacks(when: string, { machine }: DeliverySite): void {
    this.#world.violated("delivery", `${when}: ${machine.name} does not show the current values`);
  }

  async #expectGone(how: string, site: DeliverySite): Promise<void> {
    const { disk } = site.machine;
    const isGone = () =>
      site.directory.visible?.contents.size === 0 && !disk.keysNow.some((key) => key.startsWith("secret-cache/value/"));
    if (await this.#until(PLACED_WITHIN_MS, isGone))
      this.#world.reached(`a machine that ${how} shows and keeps nothing`);
    else this.#world.violated("delivery", `${site.machine.name} ${how} and still has secrets`);
  }

  #isPlaced({ directory }: DeliverySite): boolean {
    const { history } = this.#world;
    const current = PATHS.map((path) => history.values.get(history.winner(`version/${path}`)?.entry ?? ""));
    const shown = PATHS.map((path) => directory.visible?.contents.get(path));
    return directory.visible?.contents.has(TEMPLATE) === true && shown.join() === current.join();
  }

  get #first(): Machine {
    return this.#world.machines[0] as Machine;
  }

  /** Who has the label. */
  get #readers(): readonly DeliverySite[] {
    return this.#sites.slice(2).filter((site) => !this.#gone.has(site));
  }
}
