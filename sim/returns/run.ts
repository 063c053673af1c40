import { labelPath, secretVersionPath, serverLabelPath } from "../../src/core/paths.ts";
import { storeRecipients } from "../../src/core/policy/entitlement.ts";
import { Secret } from "../../src/core/secret.ts";
import { decodeEnvelope, encodeEnvelope, sealEnvelope } from "../../src/core/secrets/envelope.ts";
import { decodePutAnswer, PUT_CHANNEL } from "../../src/core/secrets/messages.ts";
import { COMMITMENT_NONCE_BYTES, STORE_CLASS } from "../../src/core/secrets/version.ts";
import { Hands, keysOf, others, running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import type { RunReport } from "../run.ts";
import { startAll, told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";
import { checkBlind, checkHeld, checkReads } from "./checks.ts";

/** Stores can open what is set here, and cannot what is set there. */
const OPEN = "web/tls";
const SEALED = "vault/key";
const SECOND_MS = 1_000;
/** From a value in one store to all stores and readers; connections that were cut come back meanwhile. */
const SPREAD_MS = 70 * SECOND_MS;
const REQUEST_MS = 10 * SECOND_MS;

/**
 * One world in which values are set and returned to: such as every store can open, and such as none can. A return is
 * made where it is signed, on both sides of a cut once that has healed, and by whichever store still has the older value,
 * even if it hears of the return later than all others.
 */
export async function runReturns(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 6 }, async (world) => {
    const story = new Story(world);
    await startAll(world);
    await story.declare();
    await story.seal();
    await story.overtake();
    await story.comeTooLate();
    await story.returnToSealed();
    await story.returnToOpen();
    await story.returnAcrossACut();
    await story.returnWhereTheOlderIsMissing();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  /** The version of what is sealed that is returned to. */
  #sealedGood = "";

  constructor(world: World) {
    this.#world = world;
    this.#hands = new Hands(world, "returns");
  }

  async declare(): Promise<void> {
    const { alice } = this.#world;
    await this.#hands.write(alice, this.#first, [
      { path: labelPath("web"), value: { secrets: [OPEN] } },
      { path: labelPath("vault"), value: { secrets: [SEALED] } },
      ...this.#readers.map(({ id }) => ({ path: serverLabelPath(id, "web"), value: true })),
      ...this.#sealedTo.map(({ id }) => ({ path: serverLabelPath(id, "vault"), value: true })),
    ]);
    await this.#hands.pass(10 * SECOND_MS);
  }

  /** Somebody was faster than the writer and brought something else under the version's name, to every store. */
  async seal(): Promise<void> {
    const { alice } = this.#world;
    const readers = this.#sealedTo;
    const version = await this.#hands.setSealed(alice, this.#first, { path: SEALED, text: "good", readers }, (signed) =>
      this.#bringAltered(signed),
    );
    await this.#expectEverywhere("sealed to two machines", SEALED, version, "good");
    await checkBlind(this.#world, SEALED, version, this.#stores);
    this.#sealedGood = version;
  }

  /** The same with a value that stores open: they serve what its writer committed to. */
  async overtake(): Promise<void> {
    const { alice } = this.#world;
    const version = await this.#hands.setSecret(alice, this.#first, OPEN, "true", async (signed) => {
      await this.#hands.pass(SECOND_MS);
      await this.#bringOther(signed);
    });
    await this.#expectEverywhere("set after somebody had brought another value", OPEN, version, "true");
  }

  /** A machine that gets the label later has to wait for the next value. */
  async comeTooLate(): Promise<void> {
    const { alice } = this.#world;
    const late = this.#late;
    await this.#hands.write(alice, this.#first, [{ path: serverLabelPath(late.id, "vault"), value: true }]);
    await this.#hands.pass(20 * SECOND_MS);
    await checkReads(this.#world, "labelled after it was sealed", {
      ...{ path: SEALED, text: this.#hands.valueOf(SEALED, "good") },
      ...{ readers: this.#sealedTo, others: [late] },
    });
    const readers = [...this.#sealedTo, late];
    const version = await this.#hands.setSealed(alice, this.#first, { path: SEALED, text: "typo", readers });
    await this.#hands.pass(SPREAD_MS);
    await this.#expectReads("sealed anew", SEALED, "typo", readers);
    checkHeld(this.#world, "sealed anew", SEALED, version, this.#stores);
    this.#world.reached("a machine that was labelled late reads the next value");
  }

  /** Immutable as it is: whoever it was sealed to reads it again, and the one that came later keeps what it had. */
  async returnToSealed(): Promise<void> {
    const version = await this.#hands.returnTo(this.#world.bob, this.#stores[0] as Machine, SEALED, this.#sealedGood);
    await this.#expectEverywhere("returned to what was sealed", SEALED, version, "good");
    await this.#expectReads("returned to what was sealed to others", SEALED, "typo", [this.#late], "stale: ");
    await checkBlind(this.#world, SEALED, version, this.#stores);
    this.#world.reached("a sealed value was returned to");
  }

  async returnToOpen(): Promise<void> {
    const versions: string[] = [];
    for (const text of ["1", "2", "3"]) {
      versions.push(await this.#hands.setSecret(this.#world.alice, this.#first, OPEN, text));
      await this.#hands.pass(SECOND_MS);
    }
    for (const [at, text] of [
      [0, "1"],
      [1, "2"],
    ] as const) {
      const version = await this.#hands.returnTo(this.#world.bob, this.#any, OPEN, versions[at] as string);
      await this.#expectEverywhere(`returned to ${text}`, OPEN, version, text);
    }
    this.#world.reached("an older value was returned to");
  }

  /** Each store on a side of its own: the other side goes on with what it knows, and follows when it hears. */
  async returnAcrossACut(): Promise<void> {
    const { network, bob } = this.#world;
    const good = await this.#hands.setSecret(this.#world.alice, this.#first, OPEN, "before the cut");
    await this.#hands.setSecret(this.#world.alice, this.#first, OPEN, "a mistake");
    await this.#hands.pass(SPREAD_MS);
    const there = [this.#stores[1] as Machine, this.#readers[0] as Machine];
    const here = others(this.#world.machines, ...there);
    network.cut(keysOf(here), keysOf(there));
    await this.#hands.pass(20 * SECOND_MS);
    const version = await this.#hands.returnTo(bob, this.#first, OPEN, good);
    await this.#hands.pass(20 * SECOND_MS);
    await this.#expectReads("on this side of a cut", OPEN, "before the cut", this.#readers.slice(1));
    await this.#expectReads("on the other side of a cut", OPEN, "a mistake", this.#readers.slice(0, 1));
    network.heal();
    await this.#expectEverywhere("after a cut", OPEN, version, "before the cut");
    this.#world.reached("a return crossed a cut");
  }

  /** The only store that has the older value is away when the return is signed, and hears of it when it is back. */
  async returnWhereTheOlderIsMissing(): Promise<void> {
    const { alice, machines, network } = this.#world;
    const [lacking, having] = this.#stores as [Machine, Machine];
    const back = network.cut([lacking.key], keysOf(others(machines, lacking)));
    await this.#hands.pass(10 * SECOND_MS);
    const good = await this.#hands.setSecret(alice, this.#first, OPEN, "in one store");
    await this.#hands.setSecret(alice, this.#first, OPEN, "another mistake");
    await this.#hands.pass(10 * SECOND_MS);
    const home = network.cut([having.key], keysOf(others(machines, having)));
    back();
    await this.#hands.pass(30 * SECOND_MS);
    const version = await this.#hands.returnTo(alice, this.#first, OPEN, good);
    await this.#hands.pass(20 * SECOND_MS);
    // Nobody has the older value who could make it current: what machines have is better than nothing.
    await this.#expectReads("while nobody has the older value", OPEN, "another mistake", this.#readers, "stale: ");
    home();
    await this.#expectEverywhere("returned by the store that had it", OPEN, version, "in one store");
    this.#world.reached("a return waited for the store that had the older value");
  }

  async #bringAltered(signed: Uint8Array): Promise<void> {
    const honest = decodeEnvelope(signed);
    const sealedValue = honest.sealedValue.map((byte, at) => (at === 3 ? byte ^ 1 : byte));
    await this.#bring(encodeEnvelope({ ...honest, sealedValue }));
    this.#world.reached("somebody was faster than the writer");
  }

  async #bringOther(version: string): Promise<void> {
    const { keys, mesh } = this.#world;
    const { random } = this.#hands;
    const committed = { nonce: random.bytes(COMMITMENT_NONCE_BYTES), value: new Secret(random.bytes(20)) };
    const subject = { path: OPEN, version, class: STORE_CLASS };
    const recipients = storeRecipients(running(this.#late).view());
    const envelope = await this.#world.until(sealEnvelope({ keys, random }, mesh, subject, committed, recipients));
    await this.#bring(encodeEnvelope(envelope));
  }

  async #bring(envelope: Uint8Array): Promise<void> {
    const { mesh } = running(this.#late);
    for (const store of this.#stores) {
      const answer = await this.#world.until(mesh.request(store.key, PUT_CHANNEL, envelope, REQUEST_MS));
      if (decodePutAnswer(answer).stored)
        this.#world.violated("secrets", `store ${store.name} took an envelope that its writer did not sign`);
    }
  }

  async #expectEverywhere(when: string, path: string, version: string, text: string): Promise<void> {
    await this.#hands.pass(SPREAD_MS);
    const isCurrent = ({ agent }: Machine) => agent?.view().desired(secretVersionPath(path))?.entry === version;
    if (!this.#world.machines.every(isCurrent)) this.#world.violated("returns", `${when}: not everybody knows of it`);
    checkHeld(this.#world, when, path, version, this.#stores);
    await this.#expectReads(when, path, text, path === SEALED ? this.#sealedTo : this.#readers);
  }

  async #expectReads(
    when: string,
    path: string,
    text: string,
    readers: readonly Machine[],
    how: "" | "stale: " = "",
  ): Promise<void> {
    const { machines } = this.#world;
    // Whoever may read it and is not asked here is asked elsewhere.
    const entitled = path === SEALED ? [...this.#sealedTo, this.#late] : this.#readers;
    const facts = {
      path,
      text: `${how}${this.#hands.valueOf(path, text)}`,
      readers,
      others: others(machines, ...entitled),
    };
    await checkReads(this.#world, when, facts);
  }

  get #first(): Machine {
    return this.#world.machines[0] as Machine;
  }

  get #stores(): readonly Machine[] {
    return this.#world.machines.slice(1, 3);
  }

  get #readers(): readonly Machine[] {
    return this.#world.machines.slice(3);
  }

  get #sealedTo(): readonly Machine[] {
    return this.#readers.slice(0, 2);
  }

  /** Gets the label when the value is sealed to others already. */
  get #late(): Machine {
    return this.#readers[2] as Machine;
  }

  get #any(): Machine {
    const { machines } = this.#world;
    return machines[this.#hands.random.below(machines.length)] as Machine;
  }
}
