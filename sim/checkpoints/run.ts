import { serverLabelPath } from "../../src/core/paths.ts";
import type { CheckpointBody } from "../../src/crdt/authority/bodies.ts";
import { pathTo } from "../../src/crdt/chain.ts";
import { checkpointBody } from "../../src/crdt/checkpoint.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { bytes, Hands, keysOf, now, others, running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import { Archive } from "../reference/archive.ts";
import type { RunReport } from "../run.ts";
import { SimOperator } from "../sim-operator.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";
import { checkMoment } from "./checks.ts";
import { SecondHand } from "./second-hand.ts";

const NODES = 5;
const SETTLE_MS = 30_000;
/** Alice pins so many of bob's entries. */
const PINNED = 4;

/**
 * One world with checkpoints: alice and bob pin ledgers, machines begin at what they summed up, somebody with copies of
 * keys writes other histories below and above the pins and dates checkpoints back, and alice cuts bob below what she had
 * pinned. What counts is told before it is looked at.
 */
export async function runCheckpoints(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: NODES }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    for (const scene of story.scenes()) if (world.violations.length === 0) await scene();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  readonly #archive = new Archive();
  readonly #first: Machine;
  readonly #second: Machine;
  readonly #server: string;
  readonly #thief: SecondHand;
  /** Operates honestly here: it is her ledger that the thief means to stop. */
  readonly #mallory: SimOperator;
  readonly #copy: SecondHand;
  /** Ids of bob's and mallory's entries, by the label that they give. */
  readonly #entries = new Map<string, string>();
  #given: readonly string[] = [];
  #bobsPin = "";

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "checkpoints");
    [this.#first, this.#second] = world.machines as [Machine, Machine];
    this.#server = (world.machines.at(-1) as Machine).id;
    const { mesh, keys, history, hostile } = world;
    const clock = world.clock.clockFor("mallory");
    const { signer } = hostile.operator;
    this.#mallory = new SimOperator({ signer, log: hostile.operator.log, name: "mallory", mesh, keys, clock, history });
    this.#thief = new SecondHand(world, world.bob);
    this.#copy = new SecondHand(world, this.#mallory);
    world.onStart((_, agent) => agent.replica.onGrowth(({ entries }) => this.#archive.note(entries)));
  }

  scenes(): readonly (() => Promise<void>)[] {
    return [
      () => this.#begin(),
      () => this.#holdUp(),
      () => this.#forkBelow(),
      () => this.#forkAbove(),
      () => this.#otherBranch(),
      () => this.#thiefsPins(),
      () => this.#revoke(),
    ];
  }

  /** Bob writes, alice pins what he wrote, and other machines begin at what they summed up. */
  async #begin(): Promise<void> {
    const { alice, bob, machines } = this.#world;
    await this.#hands.pass(SETTLE_MS);
    this.#given = [...running(this.#first).view().labelsOf(this.#server)];
    await this.#label(bob, "b1", "b2", "b3", "b4", "b5", "b6");
    await this.#label(this.#mallory, "m1", "m2", "m3", "m4", "m5", "m6");
    await this.#pin(alice, bob, `b${PINNED}`);
    await this.#label(bob, "b7");
    await this.#hands.startFromBase(others(machines, this.#first));
    for (const operator of [bob, this.#mallory]) {
      const below = running(this.#second).replica.chain(operator.log, CLASS_DESIRED)?.below ?? 0;
      if (below < PINNED) throw new Error(`a machine begins ${operator.name}'s ledger at ${below}`);
    }
    await this.#expect("bob is pinned", "b1 b2 b3 b4 b5 b6 b7 m1 m2 m3 m4 m5 m6");
    this.#world.reached("machines begin behind a pin");
  }

  /** Whoever has bob's key says that mallory's ledger went elsewhere below what machines begin at; a senior's pin ends that. */
  async #holdUp(): Promise<void> {
    await this.#thief.act(this.#second, this.#nowhere(2));
    await this.#expect("a pin of what is not here", "b1 b2 b3 b4 b5 b6 b7 m1");
    await this.#pin(this.#world.alice, this.#mallory, "m2");
    await this.#expect("alice has pinned what is here", "b1 b2 b3 b4 b5 b6 b7 m1 m2 m3 m4 m5 m6");
    this.#world.reached("a pin of nothing reaches below what was summed up, until a senior says more");
  }

  /** Says of long ago that mallory's ledger has an entry of that number that nobody has. */
  #nowhere(seq: number): CheckpointBody {
    const pin = { log: bytes(this.#mallory.log), seq, hash: new Uint8Array(32).fill(seq) };
    return { type: "checkpoint", pins: [pin], state: new Uint8Array(32), at: 0 };
  }

  /** A second history of what is pinned comes late. */
  async #forkBelow(): Promise<void> {
    await this.#thief.hand(this.#second, await this.#thief.writeAfter(this.#first, 2, this.#path("stolen")));
    await this.#expect("a fork below the pin", "b1 b2 b3 b4 b5 b6 b7 m1 m2 m3 m4 m5 m6");
    await this.#label(this.#world.bob, "b8");
    await this.#expect("bob goes on", "b1 b2 b3 b4 b5 b6 b7 b8 m1 m2 m3 m4 m5 m6");
    this.#world.reached("a fork below a pin is proof and nothing more");
  }

  /** A second history of what is not pinned stops the ledger; bob pins his own, while one machine is off and one is full. */
  async #forkAbove(): Promise<void> {
    const { bob, machines } = this.#world;
    const [away, full] = machines.slice(2) as [Machine, Machine];
    const fork = await this.#thief.writeAfter(this.#first, 7, this.#path("stolen"));
    await this.#hands.startFromBase([away]);
    away.crash();
    await this.#thief.hand(this.#second, fork);
    await this.#hands.pass(SETTLE_MS);
    full.disk.full = true;
    this.#bobsPin = await this.#pin(bob, bob, "b8");
    await this.#label(bob, "b9");
    await this.#hands.pass(SETTLE_MS);
    full.disk.full = false;
    await this.#world.until(away.start());
    await this.#expect("bob has pinned his own", "b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2 m3 m4 m5 m6");
    await this.#restart([full]);
    await this.#expect("who was full starts again", "b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2 m3 m4 m5 m6");
    this.#world.reached("an author's own pin ends a fork");
  }

  /** Alice says that another branch of mallory's ledger counts, below what machines have summed up. */
  async #otherBranch(): Promise<void> {
    const rest = others(this.#world.machines, this.#first);
    const other = await this.#copy.writeAfter(this.#first, 2, this.#path("n3"));
    await this.#hands.startFromBase(rest);
    await this.#copy.hand(this.#first, other);
    await this.#expect("mallory's ledger has two histories", "b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2");
    const heal = this.#world.network.cut([this.#second.key], keysOf(others(this.#world.machines, this.#second)));
    await this.#restart([this.#second]);
    await this.#expect("a machine starts that hears nobody", "b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2");
    this.#world.reached("a fork below what was summed up is known after a start");
    heal();
    this.#entries.set("n3", other.id);
    await this.#pin(this.#world.alice, this.#mallory, "n3");
    await this.#expect("alice has chosen a branch", "b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2 n3");
    await this.#restart(rest);
    await this.#expect("after a start", "b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2 n3");
    this.#world.reached("a senior's pin reaches below what was summed up");
  }

  /** Whoever has bob's key says long ago that mallory's ledger went where nobody has anything. */
  async #thiefsPins(): Promise<void> {
    for (const [i, name] of ["n4", "n5", "n6", "n7"].entries()) {
      await this.#copy.hand(this.#first, await this.#copy.writeAfter(this.#first, 3 + i, this.#path(name)));
    }
    await this.#thief.act(this.#second, this.#nowhere(3));
    await this.#expect("below alice's pin", "b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2 n3 n4 n5 n6 n7");
    await this.#thief.act(this.#second, this.#nowhere(6));
    await this.#expect("beyond alice's pin", "b1 b2 b3 b4 b5 b6 b7 b8 b9 m1 m2 n3 n4 n5");
    this.#world.reached("a thief's pin holds up what nobody senior had pinned");
  }

  /** Alice cuts bob below her pin, and with all that the thief said. */
  async #revoke(): Promise<void> {
    const { alice, bob, machines } = this.#world;
    const second = this.#linkOf(bob, "b2");
    const keep = { log: bytes(bob.log), a: [bytes(this.#bobsPin)], l: { seq: 2, hash: second.entry.hash } };
    const cut = { type: "cut", key: bob.signer.publicKey, keeps: [keep], reason: "stolen", at: now(alice) } as const;
    await this.#hands.act(alice, this.#second, cut);
    await this.#expect("bob is cut below alice's pin", "b1 b2 b3 b4 m1 m2 n3 n4 n5 n6 n7");
    await this.#hands.startFromBase(others(machines, this.#first));
    await this.#expect("after a start from what is left", "b1 b2 b3 b4 m1 m2 n3 n4 n5 n6 n7");
    this.#world.reached("a cut below a pin counts as the pin, and a thief's pins fall with him");
  }

  async #label(operator: SimOperator, ...names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.#entries.set(
        name,
        await this.#hands.write(operator, this.#first, [{ path: this.#path(name), value: true }]),
      );
    }
  }

  /** The id of the checkpoint. */
  async #pin(by: SimOperator, whose: SimOperator, label: string): Promise<string> {
    const { replica } = running(this.#first);
    await this.#world.until(replica.makeWhole((chain) => chain.log === whose.log));
    const links = pathTo(this.#linkOf(whose, label));
    return this.#hands.act(by, this.#first, checkpointBody(this.#world.keys, [links], now(by)));
  }

  #linkOf(operator: SimOperator, label: string) {
    const chain = running(this.#first).replica.chain(operator.log, CLASS_DESIRED);
    const link = chain?.find(this.#entries.get(label) ?? "");
    if (link === undefined) throw new Error(`${this.#first.name} has no entry for ${label}`);
    return link;
  }

  #path(label: string): string {
    return serverLabelPath(this.#server, label);
  }

  async #restart(machines: readonly Machine[]): Promise<void> {
    for (const machine of machines) await this.#world.until(machine.stop());
    for (const machine of machines) await this.#world.until(machine.start());
  }

  async #expect(when: string, labels: string): Promise<void> {
    await this.#hands.pass(SETTLE_MS);
    const moment = { at: this.#world.machines, server: this.#server, labels: [...this.#given, ...labels.split(" ")] };
    checkMoment(this.#world, this.#archive, when, moment);
  }
}
