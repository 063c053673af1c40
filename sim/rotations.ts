import { labelPath, secretPath, secretVersionPath, serverLabelPath } from "../src/core/paths.ts";
import { composeLink } from "../src/crdt/compose.ts";
import { CLASS_GENERATED, isChain } from "../src/crdt/entry/entry.ts";
import { keepsOf } from "../src/crdt/keeps.ts";
import { DocumentCursor } from "../src/crdt/ledger/document-cursor.ts";
import { checkCanaries, checkNotEarly, checkOneWinner, type MadeVersion, readMade } from "./checkers/rotations.ts";
import { bytes, Hands, now, running } from "./hands.ts";
import type { Machine } from "./machine.ts";
import type { RunReport } from "./run.ts";
import { startAll, told } from "./told.ts";
import type { World, WorldOptions } from "./world.ts";

/** What a store makes, and what somebody sets. */
const MADE = "rot/made";
const BY_HAND = "rot/by-hand";
const LABEL = "rot";
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const EVERY_MS = 10 * MINUTE_MS;
/** From the moment in which it is due: what is looked at each minute, and a turn of each store. */
const MADE_WITHIN_MS = 4 * MINUTE_MS;
/** From the cut that an operator signed to a new value everywhere. */
const REVOKED_WITHIN_MS = 10 * SECOND_MS;

/**
 * One world in which stores make a value when it is due, while one of them crashes in that very moment, while they are
 * cut off from each other, and when a machine is revoked that has it, on both sides of a cut: never early, never twice
 * in one part of the mesh, one winner everywhere, and nothing new for whoever was revoked.
 */
export async function runRotations(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 7 }, async (world) => {
    const story = new Story(world);
    world.onStart((_, agent) => story.watch(agent.replica));
    await startAll(world);
    await story.declare();
    await story.calm();
    await story.lie();
    await story.crash();
    await story.cut();
    await story.revoke();
    await story.revokeBehindACut();
    await checkCanaries(world);
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  readonly #made = new Map<string, MadeVersion>();
  readonly #revoked = new Set<Machine>();

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "rotation");
  }

  watch(replica: NonNullable<Machine["agent"]>["replica"]): void {
    replica.onGrowth(({ entries }) => {
      for (const entry of entries) {
        if (!isChain(entry) || entry.header.class !== CLASS_GENERATED) continue;
        const log = Buffer.from(entry.header.log).toString("hex");
        for (const { path, value } of replica.chain(log, CLASS_GENERATED)?.find(entry.id)?.writes ?? []) {
          const made = readMade(entry.id, log, path, value);
          if (made !== null) this.#made.set(`${entry.id} ${path}`, made);
        }
      }
    });
  }

  async declare(): Promise<void> {
    const made = { type: "dynamic", generator: "random", rotateEverySeconds: EVERY_MS / 1000 };
    await this.#hands.write(this.#world.alice, this.#first(), [
      { path: labelPath(LABEL), value: { secrets: [MADE, BY_HAND] } },
      { path: secretPath(MADE), value: made },
      { path: secretPath(BY_HAND), value: { type: "static" } },
      ...this.#readers().map(({ id }) => ({ path: serverLabelPath(id, LABEL), value: true })),
    ]);
    await this.#setByHand();
    await this.#hands.pass(MINUTE_MS);
    this.#expectMade("declared", 1, 1);
    await this.#checkAll();
  }

  /** It is made anew when it is due, by one of the two. */
  async calm(): Promise<void> {
    const before = this.#count();
    await this.#passUntilDue(0);
    await this.#hands.pass(2 * EVERY_MS + MADE_WITHIN_MS);
    this.#expectMade("in three times its age", 3, 3, before);
    await this.#checkAll();
    this.#world.reached("values were made anew in time");
  }

  /** A store signs what no operator has asked it for: the value of a secret that somebody sets, and a label. */
  async lie(): Promise<void> {
    const store = this.#stores()[0] as Machine;
    const { agent } = store;
    if (agent === null) return;
    const log = agent.view().roleLog(agent.node, "secret-store") ?? "";
    const { replica, identity, platform } = agent;
    const { keys } = platform;
    const chain = replica.chain(log, CLASS_GENERATED);
    const tip = chain?.main.at(-1) ?? null;
    const own = bytes(log);
    const cursor = chain?.documentAt(tip) ?? new DocumentCursor(keys, own);
    const at = secretVersionPath(BY_HAND);
    const before = agent.view().desired(at);
    const value = agent.view().desired(secretVersionPath(MADE))?.value;
    const writes = [
      { path: at, value, over: agent.view().othersAt(at, log) },
      { path: labelPath("stolen"), value: { secrets: [BY_HAND] }, over: [] },
    ];
    const hlc = { ms: platform.clock.now(), count: 1_000_000 };
    const head = tip === null ? null : { seq: tip.entry.header.seq, hash: tip.entry.hash };
    const position = { mesh: identity.mesh, log: own, class: CLASS_GENERATED, head, hlc, seen: own, more: 0 };
    const entry = composeLink(keys, position, cursor.encode(writes, hlc), identity.signer);
    this.#made.set(`${entry.id} ${BY_HAND}`, { entry: entry.id, path: "a lie", log, atMs: 0 });
    await this.#world.until(agent.submit([entry.bytes]));
    await this.#hands.pass(MINUTE_MS);
    for (const { name, agent: other } of this.#members()) {
      const view = other?.view();
      if (view?.desired(at)?.entry !== before?.entry || view?.desired(labelPath("stolen")) !== undefined) {
        this.#world.violated("rotation", `${name} takes what a store signed and no operator asked for`);
      }
    }
    this.#world.reached("a store signed what it may not");
  }

  /** A store loses its power about when the value is due. */
  async crash(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      const before = this.#count();
      await this.#passUntilDue(-2 * SECOND_MS);
      const store = this.#stores()[this.#hands.random.below(2)] as Machine;
      await this.#hands.pass(this.#hands.random.below(60 * SECOND_MS));
      store.crash();
      await this.#hands.pass(this.#hands.random.below(40 * SECOND_MS));
      await this.#world.until(store.start());
      await this.#hands.pass(MADE_WITHIN_MS);
      // Two at most: one that only the store that crashed had seen, and one of the other.
      this.#expectMade("while a store crashed", 1, 2, before);
      await this.#checkAll();
    }
    this.#world.reached("a store crashed about when a value was due");
  }

  /** The stores do not see each other while it is due: each side makes one, and the fold keeps one of them. */
  async cut(): Promise<void> {
    const [one, other] = this.#stores() as [Machine, Machine];
    const [reader] = this.#readers();
    const before = this.#count();
    await this.#passUntilDue(-2 * MINUTE_MS);
    const here = [one, reader as Machine];
    const there = this.#members().filter((machine) => !here.includes(machine));
    this.#world.network.cut(keysOf(here), keysOf(there));
    await this.#hands.pass(2 * MINUTE_MS + MADE_WITHIN_MS);
    this.#expectMade("on both sides of a cut", 2, 2, before);
    await checkOneWinner(this.#world, MADE, here, []);
    await checkOneWinner(this.#world, MADE, there, []);
    this.#world.network.heal();
    await this.#hands.pass(2 * MINUTE_MS);
    this.#expectMade("after the heal", 2, 2, before);
    const winner = await this.#checkAll();
    for (const { name, agent } of [one, other]) {
      const lost = agent
        ?.view()
        .conflicts()
        .find(({ path }) => path === secretVersionPath(MADE));
      if (lost === undefined) this.#world.violated("rotation", `${name} does not list the version that lost`);
    }
    if (winner !== null) this.#world.reached("two versions were made at once, and one of them counts");
    this.#forgetTimes();
  }

  /** Whoever has the value is revoked: a new one is everywhere in seconds, and what was set by hand is told. */
  async revoke(): Promise<void> {
    const gone = this.#readers().at(-1) as Machine;
    const before = this.#winner();
    await this.#cutOff(gone, this.#first());
    await this.#hands.pass(REVOKED_WITHIN_MS);
    if (this.#winner() === before) this.#world.violated("rotation", `${MADE} stays what ${gone.name} has`);
    await this.#checkAll();
    await this.#checkNothingNew(gone, this.#winner());
    for (const { name, agent } of this.#members()) {
      const told = agent?.exposures.current.map(({ path, type }) => `${path} ${type}`) ?? [];
      if (told.join() !== `${BY_HAND} static`) {
        this.#world.violated("rotation", `${name} takes this for exposed: ${told.join() || "nothing"}`);
      }
    }
    await this.#setByHand();
    await this.#hands.pass(5 * SECOND_MS);
    const left = this.#members().filter(({ agent }) => agent?.exposures.current.length !== 0);
    for (const { name } of left) this.#world.violated("rotation", `${name} does not see that a new value was set`);
    this.#world.reached("a machine was revoked that had the value");
    this.#forgetTimes();
  }

  /** The same where the revoked machine sits with a store that cannot hear of it. */
  async revokeBehindACut(): Promise<void> {
    const [one] = this.#stores() as [Machine, Machine];
    const gone = this.#readers().at(-1) as Machine;
    const there = this.#members().filter((machine) => machine !== one && machine !== gone);
    this.#world.network.cut(keysOf([one, gone]), keysOf(there));
    await this.#hands.pass(30 * SECOND_MS);
    const before = this.#winner();
    await this.#cutOff(gone, this.#first());
    // The store that is first in line may be the one behind the cut, and be taken for there for a while.
    await this.#hands.pass(3 * MINUTE_MS);
    const made = await checkOneWinner(this.#world, MADE, there, []);
    if (made === before) this.#world.violated("rotation", `${MADE} stays what ${gone.name} has, behind a cut`);
    await this.#checkNothingNew(gone, made ?? "");
    this.#world.network.heal();
    await this.#hands.pass(MINUTE_MS);
    await this.#checkAll();
    await this.#checkNothingNew(gone, this.#winner());
    this.#world.reached("a machine was revoked behind a cut");
  }

  async #checkNothingNew(gone: Machine, version: string): Promise<void> {
    const { agent, name } = gone;
    const has = agent?.cache.list().some((cached) => cached.path === MADE && cached.version === version) ?? false;
    if (has) this.#world.violated("rotation", `${name} was revoked and got the value that was made for it`);
  }

  async #cutOff(gone: Machine, at: Machine): Promise<void> {
    const { alice } = this.#world;
    this.#revoked.add(gone);
    const { replica } = running(at);
    const keeps = keepsOf({ graph: replica.graph, ledgers: replica.fold.ledgers }, gone.key);
    await this.#hands.act(alice, at, { type: "cut", key: bytes(gone.key), keeps, reason: "stolen", at: now(alice) });
  }

  async #setByHand(): Promise<void> {
    await this.#hands.setSecret(this.#world.alice, this.#first(), BY_HAND, "by hand");
  }

  async #checkAll(): Promise<string | null> {
    return checkOneWinner(this.#world, MADE, this.#members(), this.#readers());
  }

  #expectMade(when: string, least: number, most: number, before = 0): void {
    const made = this.#count() - before;
    if (made < least || made > most) {
      this.#world.violated("rotation", `${MADE} was made ${made} times ${when}, not ${least} to ${most} times`);
    }
    if (most === least && least !== 2) checkNotEarly(this.#world, this.#all().slice(before), EVERY_MS);
  }

  /** What comes now is no longer one after the other in its own time. */
  #forgetTimes(): void {
    this.#made.clear();
  }

  #all(): MadeVersion[] {
    return [...this.#made.values()].filter(({ path }) => path === MADE);
  }

  #count(): number {
    return this.#all().length;
  }

  #winner(): string {
    return this.#first().agent?.view().desired(secretVersionPath(MADE))?.entry ?? "";
  }

  async #passUntilDue(offsetMs: number): Promise<void> {
    const value = this.#first().agent?.view().desired(secretVersionPath(MADE))?.value as { at: number } | undefined;
    const dueInMs = (value?.at ?? 0) + EVERY_MS - (this.#first().agent?.platform.clock.now() ?? 0);
    await this.#hands.pass(Math.max(0, dueInMs + offsetMs));
  }

  #first(): Machine {
    return this.#world.machines[0] as Machine;
  }

  #stores(): readonly Machine[] {
    return this.#world.machines.slice(1, 3);
  }

  #members(): readonly Machine[] {
    return this.#world.machines.filter((machine) => !this.#revoked.has(machine));
  }

  #readers(): readonly Machine[] {
    return this.#members().slice(3);
  }
}

function keysOf(machines: readonly Machine[]): string[] {
  return machines.map(({ key }) => key);
}
