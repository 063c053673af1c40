import { toHex } from "../../src/core/bytes.ts";
import {
  labelPath,
  operatorRecipientPath,
  secretOperatorsPath,
  secretPath,
  serverLabelPath,
} from "../../src/core/paths.ts";
import type { SealIdentity, Signer } from "../../src/core/ports/keys.ts";
import { Secret } from "../../src/core/secret.ts";
import { envelopeKey, readEnvelopeRecord } from "../../src/core/secrets/stored-envelope.ts";
import { CLASS_DESIRED } from "../../src/crdt/entry/entry.ts";
import { keepsOf } from "../../src/crdt/keeps.ts";
import { type NamedReaders, namedReaders } from "../../src/crdt/named-readers.ts";
import { checkExposed, checkRefused } from "../checkers/readers.ts";
import { bytes, Hands, now, running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import { ask, type Outcome } from "../readers/reader.ts";
import type { RunReport } from "../run.ts";
import { SimOperator } from "../sim-operator.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";

const PATH = "vault/key";
const SECOND_MS = 1_000;
/** From a value in one store to all of them and to readers. */
const SPREAD_MS = 70 * SECOND_MS;

/** An operator who has a recipient, or would like to. */
interface Person {
  readonly operator: SimOperator;
  readonly own: SealIdentity;
}

/**
 * One world in which a value is sealed to machines and to operators by name, and no store can open it. Somebody who may not
 * administer names herself, and herself in another's place; an operator comes later, and one is cut. Whoever holds what the
 * stores hold opens it with the keys that were named and with no other.
 */
export async function runSealed(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 6 }, async (world) => {
    const story = await Story.begin(world);
    await story.declare();
    await story.intrude();
    await story.seal();
    await story.comeLater();
    await story.cut();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  readonly #bob: Person;
  readonly #mallory: Person;
  readonly #dave: Person;
  /** Who the value as it is now is sealed to. */
  #named: readonly Person[] = [];

  private constructor(world: World, people: { bob: Person; mallory: Person; dave: Person }) {
    this.#world = world;
    this.#hands = new Hands(world, "sealed");
    this.#bob = people.bob;
    this.#mallory = people.mallory;
    this.#dave = people.dave;
  }

  /** dave is no operator yet: his log is the grant that makes him one. */
  static async begin(world: World): Promise<Story> {
    await startAll(world);
    const { alice, bob, hostile, keys } = world;
    const { clock } = alice;
    const own = () => keys.createSealIdentity();
    const mallory = new SimOperator({ ...world, name: "mallory", ...hostile.operator, clock });
    const daves = keys.signer(new Secret(world.random.fork("dave").bytes(32)));
    const hands = new Hands(world, "sealed grant");
    const need = { admin: 1, destroy: 1 };
    const grant = { key: daves.publicKey, name: "dave", rank: 4, rights: ["ops"], need, at: now(alice) } as const;
    const log = await hands.act(alice, world.machines[0] as Machine, { type: "grant", ...grant });
    const dave = new SimOperator({ ...world, name: "dave", log: bytes(log), signer: daves, clock });
    return new Story(world, {
      bob: { operator: bob, own: await own() },
      mallory: { operator: mallory, own: await own() },
      dave: { operator: dave, own: await own() },
    });
  }

  async declare(): Promise<void> {
    const { alice } = this.#world;
    await this.#hands.write(alice, this.#first, [
      { path: labelPath("vault"), value: { secrets: [PATH] } },
      { path: secretPath(PATH), value: { type: "static", class: "sealed" } },
      ...this.#labelled.map(({ id }) => ({ path: serverLabelPath(id, "vault"), value: true })),
    ]);
    await this.#recipient(this.#bob, this.#bob);
    await this.#recipient(this.#mallory, this.#mallory);
    await this.#allow(alice, this.#bob);
    await this.#hands.pass(10 * SECOND_MS);
  }

  /** mallory may write desired state: her word names no reader, and no recipient but her own. */
  async intrude(): Promise<void> {
    const { alice } = this.#world;
    await this.#recipient(this.#mallory, this.#bob);
    await this.#allow(this.#mallory.operator, this.#mallory, this.#bob);
    await this.#hands.pass(5 * SECOND_MS);
    const stands = await this.#readersNow();
    const key = keyOf(this.#mallory.operator.signer);
    if (stands.verdict !== "unnamed" || stands.key !== key) {
      this.#violated("somebody who may not administer named whom a value is sealed to");
    } else this.#world.reached("nobody names himself");
    await this.#allow(alice, this.#bob);
    await this.#hands.pass(5 * SECOND_MS);
  }

  async seal(): Promise<void> {
    this.#named = [this.#bob];
    await this.#set("first");
    await this.#expect("sealed to bob", { read: [this.#bob], blind: [] });
    for (const { operator } of [this.#mallory, this.#dave]) await this.#expectRefused(operator);
    this.#world.reached("an operator opens what no store can open");
  }

  /** He may read, and the value was sealed before; the next one is sealed to him. */
  async comeLater(): Promise<void> {
    const { alice } = this.#world;
    await this.#recipient(this.#dave, this.#dave);
    await this.#allow(alice, this.#bob, this.#dave);
    await this.#hands.pass(10 * SECOND_MS);
    await this.#expect("allowed after it was sealed", { read: [this.#bob], blind: [this.#dave] });
    this.#named = [this.#bob, this.#dave];
    await this.#set("second");
    await this.#expect("sealed anew", { read: [this.#bob, this.#dave], blind: [] });
    this.#world.reached("an operator who came later opens the next value");
  }

  /** Nobody takes bob from the list: his key is sealed to no more all the same, and what he has is known. */
  async cut(): Promise<void> {
    const { alice } = this.#world;
    const { replica } = running(this.#first);
    const key = keyOf(this.#bob.operator.signer);
    const keeps = keepsOf({ graph: replica.graph, ledgers: replica.fold.ledgers }, key);
    await this.#hands.act(alice, this.#first, { type: "cut", key: bytes(key), keeps, reason: "left", at: now(alice) });
    await this.#hands.pass(10 * SECOND_MS);
    await this.#expectRefused(this.#bob.operator);
    checkExposed(this.#world, [`${PATH} bob`]);
    this.#named = [this.#dave];
    await this.#set("third");
    await this.#expect("sealed after a cut", { read: [this.#dave], blind: [] });
    await this.#expectRefused(this.#bob.operator);
    checkExposed(this.#world, []);
    this.#world.reached("an operator who was cut is sealed to no more");
  }

  /** As alice does it: to whom the ledgers name, held against whom the story expects. */
  async #set(text: string): Promise<void> {
    const found = await this.#readersNow();
    const expected = this.#named.map(({ operator, own }) => ({ name: operator.name, recipient: own.recipient }));
    if (found.verdict === "unnamed") throw new Error("somebody is named whom nobody let read");
    const readers = found.readers.flatMap(({ recipient }) => recipient ?? []);
    if (readers.join() !== expected.map(({ recipient }) => recipient).join()) {
      this.#violated(
        `it is to be sealed to ${found.readers.map(({ name }) => name).join()}, or to keys that are not theirs`,
      );
    }
    const sealed = { path: PATH, text, readers: this.#labelled, keys: readers };
    const version = await this.#hands.setSealed(this.#world.alice, this.#first, sealed);
    await this.#hands.pass(SPREAD_MS);
    await this.#checkStored(version);
  }

  /** With what is on the stores' disks, and each key of this world. */
  async #checkStored(version: string): Promise<void> {
    const { hostile, keys, machines } = this.#world;
    for (const { disk, name } of this.#stores) {
      const [record] = await disk.scan(`role/secret-store/${envelopeKey({ path: PATH, version })}`);
      if (record === undefined) {
        this.#violated(`store ${name} lacks what was set`);
        continue;
      }
      const { wrapped } = readEnvelopeRecord(record.value).envelope;
      for (const machine of machines) {
        this.#checkOpens(machine.name, this.#labelled.includes(machine), await machine.open(wrapped));
      }
      this.#checkOpens("a member without a label", false, await keys.open(hostile.member.seal, wrapped));
      for (const person of [this.#bob, this.#mallory, this.#dave]) {
        const { name: who } = person.operator;
        this.#checkOpens(who, this.#named.includes(person), await keys.open(person.own, wrapped));
      }
    }
  }

  #checkOpens(who: string, may: boolean, key: Secret | null): void {
    if (may && key === null) this.#violated(`${who} cannot open what was sealed to it`);
    if (!may && key !== null) this.#violated(`${who} can open what was not sealed to it`);
  }

  /** From every store, by every machine. */
  async #expect(when: string, { read, blind }: { read: readonly Person[]; blind: readonly Person[] }): Promise<void> {
    const value = this.#world.history.values.get(this.#world.history.winner(`version/${PATH}`)?.entry ?? "");
    for (const store of this.#stores) {
      for (const through of this.#world.machines) {
        for (const person of [...read, ...blind]) {
          const outcome = await this.#ask(person.operator.signer, through, store, person.own);
          const expected = read.includes(person) ? value : null;
          const who = `${when}: ${person.operator.name} by ${through.name}`;
          if (outcome.said !== "value") this.#violated(`${who} is told: ${outcome.said}`);
          else if (outcome.value !== expected)
            this.#violated(`${who} ${expected === null ? "opens it" : "does not read it"}`);
        }
      }
    }
  }

  async #expectRefused({ name, signer }: SimOperator): Promise<void> {
    for (const store of this.#stores) {
      checkRefused(this.#world, `${name} asking for ${PATH}`, await this.#ask(signer, this.#first, store, null));
    }
  }

  /** Whom alice would seal to, by the ledgers as her machine has them and by the list that stands there. */
  #readersNow(): Promise<NamedReaders> {
    const agent = running(this.#first);
    const { replica } = agent;
    const links = async (log: string) => replica.chain(log, CLASS_DESIRED)?.main ?? [];
    const named = agent.view().desired(secretOperatorsPath(PATH))?.value;
    return this.#world.until(namedReaders(replica.authority, links, PATH, named));
  }

  /** `by` says that what is sealed to `whose` key is opened with hers. */
  #recipient(by: Person, whose: Person): Promise<string> {
    const path = operatorRecipientPath(keyOf(whose.operator.signer));
    return this.#hands.write(by.operator, this.#first, [{ path, value: { seal: by.own.recipient } }]);
  }

  #allow(operator: SimOperator, ...people: readonly Person[]): Promise<string> {
    const keys = people.map((person) => keyOf(person.operator.signer));
    return this.#hands.write(operator, this.#first, [{ path: secretOperatorsPath(PATH), value: { keys } }]);
  }

  #ask(signer: Signer, through: Machine, store: Machine, own: SealIdentity | null): Promise<Outcome> {
    const request = { signer, through, store, path: PATH, ...(own === null ? {} : { own }) };
    return this.#world.until(ask(this.#world, request));
  }

  #violated(detail: string): void {
    this.#world.violated("sealed", detail);
  }

  get #first(): Machine {
    return this.#world.machines[0] as Machine;
  }

  get #stores(): readonly Machine[] {
    return this.#world.machines.slice(1, 3);
  }

  get #labelled(): readonly Machine[] {
    return this.#world.machines.slice(3, 5);
  }
}

function keyOf({ publicKey }: Signer): string {
  return toHex(publicKey);
}
