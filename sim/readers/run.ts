import { secretOperatorsPath, secretPath } from "../../src/core/paths.ts";
import type { Signer } from "../../src/core/ports/keys.ts";
import { toHex } from "../../src/core/bytes.ts";
import { keepsOf } from "../../src/crdt/keeps.ts";
import { checkExposed, checkGiven, checkRefused } from "../checkers/readers.ts";
import type { Machine } from "../machine.ts";
import { bytes, Hands, keysOf, now, others, running } from "../hands.ts";
import type { RunReport } from "../run.ts";
import { SimOperator } from "../sim-operator.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";
import { ask, type Outcome, send, type Sent } from "./reader.ts";

/** What bob may read, what nobody may, and what is strict. */
const BOBS = "read/password";
const NOBODYS = "read/other";
const STRICT = "read/strict";
const SET = "as it was set";
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** A store's lease, and what it takes to notice a cut. */
const LEASE_MS = 7 * MINUTE_MS;

/**
 * One world in which an operator reads what an administrator allowed him, by machines that may read nothing: nobody else
 * does, no request is good twice, and a cut ends it wherever it is known, on both sides of a cut network and after it.
 */
export async function runReaders(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 7 }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.declare();
    await story.read();
    await story.takeForeign();
    await story.repeat();
    await story.allowThemselves();
    await story.cutBehindACut();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  readonly #mallory: SimOperator;
  #heard: Sent | null = null;

  constructor(world: World) {
    const { clock } = world.alice;
    const { signer, log } = world.hostile.operator;
    this.#world = world;
    this.#hands = new Hands(world, "readers");
    this.#mallory = new SimOperator({ ...world, name: "mallory", log, signer, clock });
  }

  async declare(): Promise<void> {
    const { alice, bob } = this.#world;
    const hands = this.#hands;
    await hands.write(alice, this.#first, [{ path: secretPath(STRICT), value: { type: "static", strict: true } }]);
    for (const path of [BOBS, NOBODYS, STRICT]) {
      await hands.setSecret(alice, this.#first, path, SET);
    }
    const keys = [toHex(bob.signer.publicKey)];
    const wishes = [BOBS, STRICT].map((path) => ({ path: secretOperatorsPath(path), value: { keys } }));
    await hands.write(alice, this.#first, wishes);
    await hands.pass(MINUTE_MS);
  }

  /** bob gets what he may, from every store, by every machine. */
  async read(): Promise<void> {
    for (const store of this.#stores) {
      for (const through of this.#world.machines) {
        for (const path of [BOBS, STRICT]) {
          const outcome = await this.#ask(this.#bob, through, store, path);
          checkGiven(this.#world, `bob at ${through.name}`, this.#hands.valueOf(path, SET), outcome);
          this.#heard ??= outcome.sent;
        }
      }
    }
    this.#world.reached("an operator reads by machines that may not");
  }

  /** Whoever is not allowed: for what is there, for what is not, in his own name and in bob's. */
  async takeForeign(): Promise<void> {
    const { alice } = this.#world;
    const [store] = this.#stores as [Machine];
    const through = this.#carriers[0] as Machine;
    const machine = this.#world.hostile.member.signer;
    const tries: readonly (readonly [string, Signer, string, string?])[] = [
      ["bob", this.#bob, NOBODYS],
      ["bob", this.#bob, "no/such"],
      ["alice", alice.signer, BOBS],
      ["mallory", this.#mallory.signer, BOBS],
      ["mallory as bob", this.#mallory.signer, BOBS, toHex(this.#bob.publicKey)],
      ["a machine", machine, BOBS],
      ["a machine as bob", machine, BOBS, toHex(this.#bob.publicKey)],
    ];
    for (const [who, signer, path, as] of tries) {
      checkRefused(this.#world, `${who} asking for ${path}`, await this.#ask(signer, through, store, path, as));
    }
    this.#world.reached("whoever is not allowed gets nothing");
  }

  /** What bob sent, sent once more: by who carried it, by another, and after the store has started anew. */
  async repeat(): Promise<void> {
    const sent = this.#heard as Sent;
    const store = this.#stores.find(({ key }) => key === sent.store) as Machine;
    for (const through of this.#world.machines) {
      checkRefused(
        this.#world,
        `a replay by ${through.name}`,
        await this.#world.until(send(this.#world, through, sent)),
      );
    }
    store.crash();
    await this.#hands.pass(5 * SECOND_MS);
    await this.#world.until(store.start());
    await this.#hands.pass(MINUTE_MS);
    const again = await this.#world.until(send(this.#world, this.#first, sent));
    checkRefused(this.#world, "a replay to a store that started anew", again);
    this.#world.reached("a request is good once");
  }

  /** mallory may write desired state, and says that she may read; alice's word is over then, and nobody reads. */
  async allowThemselves(): Promise<void> {
    const { alice } = this.#world;
    const [store] = this.#stores as [Machine];
    const through = this.#carriers[0] as Machine;
    const allow = (operator: SimOperator, ...signers: readonly Signer[]) => {
      const keys = signers.map(({ publicKey }) => toHex(publicKey));
      return this.#hands.write(operator, this.#first, [{ path: secretOperatorsPath(BOBS), value: { keys } }]);
    };
    await allow(this.#mallory, this.#mallory.signer, this.#bob);
    await this.#hands.pass(5 * SECOND_MS);
    for (const signer of [this.#mallory.signer, this.#bob]) {
      const outcome = await this.#ask(signer, through, store, BOBS);
      checkRefused(this.#world, "whom somebody allowed who may not administer", outcome);
    }
    await allow(alice, this.#bob);
    await this.#hands.pass(5 * SECOND_MS);
    const outcome = await this.#ask(this.#bob, through, store, BOBS);
    checkGiven(this.#world, "bob, allowed once more,", this.#hands.valueOf(BOBS, SET), outcome);
    this.#world.reached("nobody allows himself");
  }

  /** bob is cut while a store cannot hear of it. */
  async cutBehindACut(): Promise<void> {
    const { machines, network } = this.#world;
    const [near, far] = this.#stores as [Machine, Machine];
    const outpost = this.#carriers.at(-1) as Machine;
    const there = [far, outpost];
    network.cut(keysOf(there), keysOf(others(machines, ...there)));
    await this.#hands.pass(LEASE_MS);
    await this.#cutBob();
    await this.#hands.pass(5 * SECOND_MS);
    for (const path of [BOBS, STRICT]) {
      checkRefused(this.#world, "bob, cut,", await this.#ask(this.#bob, this.#first, near, path));
    }
    // What nobody vouches for is served, and said to be so (SECURITY.md, not defended); what is strict is not.
    const behind = await this.#ask(this.#bob, outpost, far, STRICT);
    checkRefused(this.#world, "bob, cut, at a store that cannot know,", behind);
    network.heal();
    await this.#hands.pass(MINUTE_MS);
    for (const store of this.#stores) {
      for (const through of machines) {
        checkRefused(this.#world, `bob, cut, by ${through.name}`, await this.#ask(this.#bob, through, store, BOBS));
      }
    }
    checkExposed(this.#world, [`${BOBS} bob`, `${STRICT} bob`]);
    this.#world.reached("a cut ends what an operator reads, and tells what he read");
  }

  async #cutBob(): Promise<void> {
    const { alice, bob } = this.#world;
    const { replica } = running(this.#first);
    const key = toHex(bob.signer.publicKey);
    const keeps = keepsOf({ graph: replica.graph, ledgers: replica.fold.ledgers }, key);
    await this.#hands.act(alice, this.#first, { type: "cut", key: bytes(key), keeps, reason: "left", at: now(alice) });
  }

  #ask(signer: Signer, through: Machine, store: Machine, path: string, as?: string): Promise<Outcome> {
    const request = { signer, through, store, path, ...(as === undefined ? {} : { as }) };
    return this.#world.until(ask(this.#world, request));
  }

  get #bob(): Signer {
    return this.#world.bob.signer;
  }

  get #first(): Machine {
    return this.#world.machines[0] as Machine;
  }

  get #stores(): readonly Machine[] {
    return this.#world.machines.slice(1, 3);
  }

  get #carriers(): readonly Machine[] {
    return this.#world.machines.slice(3);
  }
}
