import { toBase64Url } from "../../src/core/bytes.ts";
import { serverLabelPath } from "../../src/core/paths.ts";
import { composeAuthority, positionIn, type AuthorityPosition } from "../../src/crdt/compose.ts";
import { pathTo } from "../../src/crdt/chain.ts";
import { checkpointBody } from "../../src/crdt/checkpoint.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import type { Retention } from "../../src/crdt/retention.ts";
import { entrySubmitOperation } from "../../src/operations/entry.ts";
import { checkMoment } from "../checkpoints/checks.ts";
import { SecondHand } from "../checkpoints/second-hand.ts";
import { bytes, Hands, keysOf, now, others, running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import { Archive } from "../reference/archive.ts";
import type { RunReport } from "../run.ts";
import { SimOperator } from "../sim-operator.ts";
import { checkVerifies } from "../retention/checks.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";
import { beginsAt, checkBeginning, checkDisks, checkDoubts, checkWhole } from "./checks.ts";

/** One coordinator, two stores, and four that keep nothing for others. */
const NODES = 7;
const KEEPERS = 3;
const SETTLE_MS = 40_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** 90 days of a world are six hours. */
const RETENTION: Retention = {
  memberMs: 100 * HOUR_MS,
  keeperMs: 400 * HOUR_MS,
  pinnedMs: 6 * HOUR_MS,
  everyMs: MINUTE_MS,
};
/** Alice pins so many of bob's entries, and of mallory's. */
const PINNED = 4;

/**
 * One world in which ledgers grow old: machines drop what lies below pins, one is killed in the middle of it and one
 * has no room; new machines begin with a state that one of those gives them; then comes what says something of what
 * was dropped: another history, and a cut that did not know the pin, while the machines hear nobody who has the whole.
 */
export async function runDrops(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: NODES, auditRetention: RETENTION }, async (world) => {
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
  readonly #keepers: readonly Machine[];
  readonly #others: readonly Machine[];
  readonly #server: string;
  readonly #mallory: SimOperator;
  readonly #thief: SecondHand;
  /** Ids of entries, by the label that they give. */
  readonly #entries = new Map<string, string>();
  #given: readonly string[] = [];
  /** Ledgers of which every machine has all again. */
  readonly #whole = new Set<string>();
  /** Where somebody stands in the authority who knows of no pin. */
  #before: AuthorityPosition | null = null;

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "drops");
    this.#keepers = world.machines.slice(0, KEEPERS);
    this.#others = world.machines.slice(KEEPERS);
    this.#first = world.machines[0] as Machine;
    this.#server = this.#first.id;
    const { mesh, keys, history, hostile } = world;
    const clock = world.clock.clockFor("mallory");
    const { signer, log } = hostile.operator;
    this.#mallory = new SimOperator({ signer, log, name: "mallory", mesh, keys, clock, history });
    this.#thief = new SecondHand(world, this.#mallory);
    world.onStart(({ name }, agent) => {
      const { missing } = agent.replica;
      if (this.#whole.size > 0 && agent.replica.stated.beginnings().some(({ log }) => this.#whole.has(log))) {
        world.violated("drops", `${name} has forgotten by a start that all of a ledger is back`);
      }
      if (missing > 0) world.violated("drops", `${name} misses ${missing} records that it let go of`);
      agent.replica.onGrowth(({ entries }) => this.#archive.note(entries));
    });
  }

  scenes(): readonly (() => Promise<void>)[] {
    return [
      () => this.#begin(),
      () => this.#drop(),
      () => this.#newMachines(),
      () => this.#forkBelow(),
      () => this.#cutBelow(),
    ];
  }

  async #begin(): Promise<void> {
    const { alice, bob } = this.#world;
    await this.#hands.pass(SETTLE_MS);
    this.#given = [...running(this.#first).view().labelsOf(this.#server)];
    await this.#label(bob, "b1", "b2", "b3", "b4", "b5", "b6");
    await this.#label(this.#mallory, "m1", "m2", "m3", "m4", "m5", "m6");
    await this.#hands.pass(SETTLE_MS);
    const { mesh } = this.#world;
    this.#before = positionIn(running(this.#first).replica.graph, mesh, bytes(alice.log));
    await this.#pin(bob, "b4");
    await this.#pin(this.#mallory, "m4");
    await this.#expect("pinned", "b1 b2 b3 b4 b5 b6 m1 m2 m3 m4 m5 m6");
  }

  /** What is old goes, on machines that need not keep it; of one the power fails meanwhile, of another the disk is full. */
  async #drop(): Promise<void> {
    const { bob } = this.#world;
    await this.#hands.pass(2 * HOUR_MS);
    for (const { log } of [bob, this.#mallory]) {
      checkBeginning(this.#world, "while the pins are young", { at: this.#world.machines, log, seq: 1 });
    }
    const [killed, full, jumping] = this.#others as [Machine, Machine, Machine];
    jumping.clock.skew({ offsetMs: 24 * HOUR_MS });
    await this.#hands.pass(HOUR_MS + HOUR_MS / 2);
    checkBeginning(this.#world, "a clock has jumped", { at: [jumping], log: bob.log, seq: 1 });
    jumping.clock.skew({ offsetMs: 0 });
    full.disk.full = true;
    const keysOn = (prefix: string) => killed.disk.keysNow.filter((key) => key.startsWith(`entries/${prefix}`)).length;
    const links = keysOn("c/");
    // The state is on the disk, and nothing of what it stands for has gone yet; or the other way about.
    const watch = (): void => {
      if (keysOn("s/") > 0 || keysOn("c/") < links) killed.crash("tear");
      else killed.disk.atNextWrite(watch);
    };
    killed.disk.atNextWrite(watch);
    if (!(await this.#hands.until(8 * HOUR_MS, () => killed.agent === null))) throw new Error("nothing was dropped");
    await this.#hands.pass(MINUTE_MS);
    await this.#world.until(killed.start());
    await this.#hands.pass(2 * HOUR_MS);
    checkBeginning(this.#world, "without room", { at: [full], log: bob.log, seq: 1 });
    full.disk.full = false;
    // While nothing could be written down, no time was counted.
    await this.#hands.until(8 * HOUR_MS, () => this.#others.every((one) => beginsAt(one, bob.log) > 1));
    await this.#hands.pass(HOUR_MS);
    await this.#expect("dropped", "b1 b2 b3 b4 b5 b6 m1 m2 m3 m4 m5 m6");
    await this.#checkDropped("dropped");
    this.#world.reached("machines dropped what lies below pins");
    await this.#restart(this.#world.machines);
    await this.#label(bob, "b7");
    await this.#expect("after a start", "b1 b2 b3 b4 b5 b6 b7 m1 m2 m3 m4 m5 m6");
    await this.#checkDropped("after a start");
  }

  async #checkDropped(when: string): Promise<void> {
    for (const { log } of [this.#world.bob, this.#mallory]) {
      checkBeginning(this.#world, when, { at: this.#others, log, seq: PINNED });
      checkBeginning(this.#world, when, { at: this.#keepers, log, seq: 1 });
      checkDisks(this.#world, when, { at: this.#world.machines, log });
      checkDoubts(this.#world, when, { at: this.#others, log, doubt: null });
    }
    checkWhole(this.#world, when, this.#world.machines);
    await checkVerifies(this.#world);
  }

  /** Two machines have lost all, and hear only one that has dropped, and then only each other. */
  async #newMachines(): Promise<void> {
    const { bob, machines, network } = this.#world;
    const [giver, second, third] = this.#others as [Machine, Machine, Machine];
    for (const machine of [second, third]) {
      machine.crash();
      machine.disk.setBack(new Map([...machine.disk.image()].filter(([key]) => key.startsWith("entries/a/"))));
    }
    const heal = network.cut(keysOf([second]), keysOf(others(machines, giver, second, third)));
    const healThird = network.cut(keysOf([third]), keysOf(others(machines, second, third)));
    await this.#world.until(second.start());
    await this.#hands.pass(3 * SETTLE_MS);
    await this.#world.until(third.start());
    await this.#hands.pass(3 * SETTLE_MS);
    await this.#expect("two machines are new", "b1 b2 b3 b4 b5 b6 b7 m1 m2 m3 m4 m5 m6");
    await this.#checkDropped("two machines are new");
    this.#world.reached("a machine began with a state, and handed it on");
    heal();
    healThird();
    await this.#label(bob, "b8");
    await this.#restart([second, third]);
    await this.#expect("they go on", "b1 b2 b3 b4 b5 b6 b7 b8 m1 m2 m3 m4 m5 m6");
    await this.#checkDropped("they go on");
  }

  /** A second history of mallory's ledger comes to a machine that has dropped what it parts from. */
  async #forkBelow(): Promise<void> {
    const fork = await this.#thief.writeAfter(this.#first, 2, this.#path("stolen"));
    const [dropped] = this.#others as [Machine];
    const { machines, network } = this.#world;
    const heal = network.cut(keysOf(this.#others), keysOf(this.#keepers));
    await this.#hands.pass(SETTLE_MS);
    await this.#thief.hand(dropped, fork);
    await this.#expect("a fork below comes late", "b1 b2 b3 b4 b5 b6 b7 b8 m1 m2 m3 m4 m5 m6");
    checkDoubts(this.#world, "a fork below comes late", { at: [dropped], log: this.#mallory.log, doubt: "fork" });
    heal();
    await this.#thief.hand(this.#first, fork);
    await this.#hands.pass(3 * SETTLE_MS);
    await this.#expect("the whole is back", "b1 b2 b3 b4 b5 b6 b7 b8 m1 m2 m3 m4 m5 m6");
    checkBeginning(this.#world, "the whole is back", { at: machines, log: this.#mallory.log, seq: 1 });
    this.#whole.add(this.#mallory.log);
    await this.#restart(this.#others);
    checkBeginning(this.#world, "after a start", { at: machines, log: this.#mallory.log, seq: 1 });
    checkWhole(this.#world, "after a start", machines);
    this.#world.reached("a fork below a state brought the links back");
  }

  /** Alice, who at another device knew of no pin, cuts bob below it. */
  async #cutBelow(): Promise<void> {
    const { alice, bob, machines, network, keys } = this.#world;
    const last = running(this.#first)
      .replica.chain(bob.log, CLASS_DESIRED)
      ?.find(this.#entries.get("b2") ?? "");
    if (last === undefined || this.#before === null) throw new Error("there is nothing to cut at");
    const grants = running(this.#first).replica.graph.entries.filter(({ log }) => log === bob.log);
    const a = grants.length === 0 ? null : [(grants.at(-1) as (typeof grants)[number]).entry.hash];
    const keep = { log: bytes(bob.log), a, l: { seq: 2, hash: last.entry.hash } };
    const cut = { type: "cut", key: bob.signer.publicKey, keeps: [keep], reason: "lost", at: now(alice) } as const;
    const act = composeAuthority(keys, this.#before, cut, alice.signer);
    const heal = network.cut(keysOf(this.#others), keysOf(this.#keepers));
    const [dropped] = this.#others as [Machine];
    await this.#hands.pass(SETTLE_MS);
    await this.#world.until(dropped.call(entrySubmitOperation, { entries: [toBase64Url(act.bytes)] }));
    await this.#hands.pass(SETTLE_MS);
    checkDoubts(this.#world, "cut below the pin", { at: this.#others, log: bob.log, doubt: "cut" });
    for (const machine of this.#others) {
      const labels = running(machine)
        .view()
        .labelsOf(this.#server)
        .filter((label) => label.startsWith("b"));
      if (labels.join(" ") !== "b1 b2 b3 b4") {
        this.#world.violated("drops", `${machine.name} has not stayed on its state: ${labels.join(" ")}`);
      }
    }
    await this.#restart([dropped]);
    checkDoubts(this.#world, "cut below the pin, after a start", { at: [dropped], log: bob.log, doubt: "cut" });
    heal();
    await this.#hands.pass(3 * SETTLE_MS);
    await this.#expect("bob is cut below the pin", "b1 b2 m1 m2 m3 m4 m5 m6");
    checkBeginning(this.#world, "bob is cut below the pin", { at: machines, log: bob.log, seq: 1 });
    this.#world.reached("a cut that knew no pin brought the links back");
  }

  async #label(operator: SimOperator, ...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const id = await this.#hands.write(operator, this.#first, [{ path: this.#path(name), value: true }]);
      this.#entries.set(name, id);
    }
  }

  async #pin(whose: SimOperator, label: string): Promise<void> {
    const { alice, keys } = this.#world;
    const { replica } = running(this.#first);
    await this.#world.until(replica.makeWhole((chain) => chain.log === whose.log));
    const link = replica.chain(whose.log, CLASS_DESIRED)?.find(this.#entries.get(label) ?? "");
    if (link === undefined) throw new Error(`${this.#first.name} has no entry for ${label}`);
    await this.#hands.act(alice, this.#first, checkpointBody(keys, [pathTo(link)], now(alice)));
  }

  #path(label: string): string {
    return serverLabelPath(this.#server, label);
  }

  async #restart(machines: readonly Machine[]): Promise<void> {
    for (const machine of machines) await this.#world.until(machine.stop());
    for (const machine of machines) await this.#world.until(machine.start());
    await this.#hands.pass(SETTLE_MS);
  }

  async #expect(when: string, labels: string): Promise<void> {
    await this.#hands.pass(SETTLE_MS);
    const at = this.#world.machines.filter(({ agent }) => agent !== null);
    if (at.some((machine) => beginsAt(machine, this.#world.bob.log) === 0)) {
      this.#world.violated("drops", `${when}: a machine has nothing of bob's ledger`);
    }
    const moment = { at, server: this.#server, labels: [...this.#given, ...labels.split(" ")] };
    checkMoment(this.#world, this.#archive, when, moment);
  }
}
