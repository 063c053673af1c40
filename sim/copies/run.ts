import { labelPath, secretPath, secretVersionPath, serverLabelPath } from "../../src/core/paths.ts";
import { storeRecipients } from "../../src/core/policy/entitlement.ts";
import { Secret } from "../../src/core/secret.ts";
import { Hands, others, running } from "../hands.ts";
import type { Machine } from "../machine.ts";
import { readAt } from "../returns/checks.ts";
import type { RunReport } from "../run.ts";
import { told } from "../told.ts";
import type { World, WorldOptions } from "../world.ts";
import { Watch } from "./checks.ts";
import { SimFileTree } from "./tree.ts";

const SECOND_MS = 1_000;
const GLANCE_MS = 250;
/** From the end of what was in the way to the copies: the longest pause between two tries, and a reconnect. */
const CAUGHT_UP_MS = 130 * SECOND_MS;
const KILLS = 8;

/** Are copied. */
const COPIED = ["web/tls", "web/key"] as const;
/** Must not outlive the stores: one is strict, one may not become stale, one no store can open. */
const STRICT = "web/session";
const SHORT = "web/short";
const SEALED = "vault/key";
const NEVER = [STRICT, SHORT, SEALED];
/** Is removed on the way. */
const REMOVED = "web/old";
/** Is set for the first time while the store is killed. */
const FRESH = (round: number): string => `web/fresh-${round}`;
const LABELLED = [...COPIED, REMOVED, STRICT, SHORT, ...Array.from({ length: KILLS }, (_, round) => FRESH(round))];

/**
 * One world in which a store keeps copies of values in a directory, which is full, out of reach, altered and set back, and
 * dies at any step. Whatever is written there can be opened by those who may read it and nobody else, is a value that was
 * set, and is on record; after each trouble the copies catch up, and machines read true values all the while.
 */
export async function runCopies(options: Omit<WorldOptions, "nodes">): Promise<RunReport> {
  return told({ ...options, nodes: 6 }, async (world) => {
    const story = new Story(world);
    await story.begin();
    await story.fill("full");
    await story.fill("unreachable");
    await story.killInTheMidst();
    await story.forge();
    await story.damage();
    await story.setBack();
    await story.removeTheSilent();
    await story.end();
  });
}

class Story {
  readonly #world: World;
  readonly #hands: Hands;
  readonly #watch: Watch;
  readonly #tree: SimFileTree;
  /** Machines with the label now. */
  readonly #labelled = new Set<Machine>();
  readonly #gone = new Set<string>();
  #count = 0;

  constructor(world: World) {
    const keeper = world.machines[1] as Machine;
    this.#world = world;
    this.#hands = new Hands(world, "copies");
    this.#watch = new Watch(world, { keeper, tree: () => this.#tree, never: NEVER });
    this.#tree = new SimFileTree(keeper.clock, world.random.fork("copies tree"), (name, content) =>
      this.#watch.wrote(name, content),
    );
    keeper.copies = this.#tree;
  }

  /** All run but one that has the label and is off: it never asks for anything. */
  async begin(): Promise<void> {
    const { alice, machines } = this.#world;
    await this.#world.until(Promise.all(others(machines, this.#silent).map((machine) => machine.start())));
    for (const machine of this.#readers) this.#labelled.add(machine);
    await this.#hands.write(alice, this.#first, [
      { path: labelPath("web"), value: { secrets: LABELLED } },
      { path: secretPath(STRICT), value: { type: "static", strict: true } },
      { path: secretPath(SHORT), value: { type: "static", maxStaleSeconds: 3600 } },
      ...this.#readers.map(({ id }) => ({ path: serverLabelPath(id, "web"), value: true })),
    ]);
    await this.#set([...COPIED, REMOVED, STRICT, SHORT]);
    await this.#hands.setSealed(alice, this.#first, { path: SEALED, text: "blind", readers: this.#readers });
    await this.#expectCaughtUp("values were set");
  }

  /** Nothing can be written; values are set, a label goes and comes back, and what is there stays what it was. */
  async fill(condition: "full" | "unreachable"): Promise<void> {
    const [reader] = this.#readers as [Machine];
    await this.#label(reader, "given");
    await this.#expectCaughtUp("a label was given");
    const [before, toldOf] = [this.#tree.image(), this.#behind];
    this.#tree.condition = condition;
    await this.#set(COPIED);
    await this.#label(reader, "taken");
    await this.#pass(30 * SECOND_MS);
    await this.#set(["web/tls"]);
    await this.#pass(30 * SECOND_MS);
    for (const [name, content] of before) {
      // A note may say what comes.
      if (name.endsWith(".age") && this.#tree.now.get(name) !== content) {
        this.#violated(`${name} was written into a directory that is ${condition}`);
      }
    }
    if (this.#behind === toldOf) this.#violated("nobody was told of copies behind");
    await this.#expectServed(`while the directory was ${condition}`);
    this.#tree.condition = "well";
    await this.#expectCaughtUp(`the directory was ${condition}`);
    this.#world.reached(`a store's directory of copies was ${condition}`);
  }

  /** The store dies at some step; what a crash leaves is not taken for damage. */
  async killInTheMidst(): Promise<void> {
    const { random } = this.#hands;
    const keeper = this.#keeper;
    for (let round = 0; round < KILLS; round++) {
      this.#killAtCall(random.below(9));
      // One that was there before, and one that never was.
      await this.#set([...COPIED, FRESH(round)]);
      await this.#label(this.#readers[0] as Machine, round % 2 === 0 ? "given" : "taken");
      await this.#pass(10 * SECOND_MS);
      this.#tree.atNextCall(null);
      if (keeper.isDown) this.#world.reached("a store died while it wrote copies");
      else keeper.crash();
      await this.#world.until(keeper.start());
      await this.#expectCaughtUp("the store died");
    }
    if (this.#damaged > 0) this.#violated("what a crash left was taken for damage");
  }

  /** Whoever knows the recipients can make a file for them: when the labels change it is not taken over. */
  async forge(): Promise<void> {
    const { keys } = this.#world;
    const view = running(this.#keeper).view();
    const readers = this.#readers.flatMap(({ id }) => view.nodes.get(id)?.seal ?? []);
    const forged = new Secret(new Uint8Array(Buffer.from("what an attacker would like")));
    this.#tree.put("web/tls.age", await keys.seal([...readers, ...storeRecipients(view)].sort(), forged));
    await this.#label(this.#readers[0] as Machine, "given");
    await this.#expectServed("beside a forged copy");
    await this.#expectCaughtUp("a copy was forged");
    this.#world.reached("a forged copy was put right");
  }

  /** Bits flip while the store is off; its next start sees it. */
  async damage(): Promise<void> {
    const keeper = this.#keeper;
    await this.#world.until(keeper.stop());
    const name = `${COPIED[this.#hands.random.below(COPIED.length)]}.age`;
    const content = new Uint8Array(this.#tree.now.get(name) as Uint8Array);
    const at = this.#hands.random.below(content.length);
    content[at] = (content[at] ?? 0) ^ 1;
    this.#tree.put(name, content);
    await this.#world.until(keeper.start());
    await this.#expectServed("beside a damaged copy");
    await this.#expectCaughtUp("a copy was damaged");
    if (this.#damaged !== 1) this.#violated("a damaged copy was not noticed");
    this.#world.reached("a damaged copy was noticed and put right");
  }

  /** The directory of another day: older values, one that was removed since, sealed to one who lost the label. */
  async setBack(): Promise<void> {
    const image = this.#tree.image();
    const keeper = this.#keeper;
    await this.#set(COPIED);
    await this.#label(this.#readers[0] as Machine, "taken");
    await this.#hands.write(this.#world.alice, this.#first, [
      { path: secretVersionPath(REMOVED), value: undefined },
      { path: secretPath(REMOVED), value: undefined },
    ]);
    this.#gone.add(REMOVED);
    await this.#expectCaughtUp("a secret was removed");
    keeper.crash();
    this.#tree.setBack(image);
    await this.#world.until(keeper.start());
    await this.#expectServed("beside older copies");
    await this.#expectCaughtUp("the directory was from another day");
    this.#world.reached("a directory of copies was set back");
  }

  /** It never asked a store, and could have opened the copies: whoever looks after it has left knows that. */
  async removeTheSilent(): Promise<void> {
    const silent = this.#silent;
    this.#labelled.delete(silent);
    await this.#hands.remove(this.#world.alice, this.#first, silent);
    await this.#expectCaughtUp("a machine was removed");
    for (const { agent, name } of this.#world.running) {
      const exposed = agent?.exposures.current.map(({ path }) => path) ?? [];
      const lacking = COPIED.filter((path) => !exposed.includes(path));
      if (lacking.length > 0) this.#violated(`${name} does not know that ${silent.name} had ${lacking.join(" and ")}`);
    }
    this.#world.reached("what a machine could open that never asked is known to be exposed");
  }

  /** A store no more: what it wrote is gone, and what others put there is not. */
  async end(): Promise<void> {
    const { alice } = this.#world;
    const theirs = "web/notes.age";
    this.#tree.put(theirs, new Uint8Array(1));
    const node = Buffer.from(this.#keeper.id, "hex");
    await this.#hands.act(alice, this.#first, { type: "unrole", node, label: "secret-store", keeps: [], at: 0 });
    const isClear = () => [...this.#tree.now.keys()].join() === theirs;
    if (await this.#until(CAUGHT_UP_MS, isClear)) this.#world.reached("a store that is none any more left no copies");
    else this.#violated(`a store that is none any more left ${[...this.#tree.now.keys()].join(", ")}`);
  }

  #killAtCall(calls: number): void {
    const next = (left: number): void => {
      this.#tree.atNextCall(() => {
        if (left > 0) next(left - 1);
        else if (!this.#keeper.isDown) this.#keeper.crash();
      });
    };
    next(calls);
  }

  async #set(paths: readonly string[]): Promise<void> {
    for (const path of paths) await this.#hands.setSecret(this.#world.alice, this.#first, path, `${++this.#count}`);
  }

  async #label(machine: Machine, how: "given" | "taken"): Promise<void> {
    if (this.#labelled.has(machine) === (how === "given")) return;
    if (how === "given") this.#labelled.add(machine);
    else this.#labelled.delete(machine);
    const value = how === "given" ? true : undefined;
    await this.#hands.write(this.#world.alice, this.#first, [{ path: serverLabelPath(machine.id, "web"), value }]);
  }

  /** Whoever may read reads what was set last, whatever lies in the directory. */
  async #expectServed(when: string): Promise<void> {
    await this.#pass(20 * SECOND_MS);
    for (const machine of this.#labelled) {
      if (machine.isDown) continue;
      for (const path of COPIED) {
        if ((await readAt(this.#world, machine, path)) !== this.#current(path)) {
          this.#violated(`${when} ${machine.name} does not read the current value of ${path}`);
        }
      }
    }
  }

  /** Every copy is of the current value, for those who may read it and for nobody else. */
  async #expectCaughtUp(after: string): Promise<void> {
    const untilMs = this.#world.clock.monotonic() + CAUGHT_UP_MS;
    for (;;) {
      const lacking = await this.#lacking();
      if (lacking === null) return this.#world.reached(`copies were opened after this: ${after}`);
      if (this.#world.clock.monotonic() >= untilMs) return this.#violated(`after ${after}: ${lacking}`);
      await this.#pass(GLANCE_MS);
    }
  }

  /** What is not as it should be; null if all is. */
  async #lacking(): Promise<string | null> {
    const may = new Set([...this.#stores, ...this.#labelled]);
    for (const path of [...COPIED, REMOVED]) {
      const openers = await this.#watch.openers(path);
      const expected = this.#gone.has(path) ? new Set<Machine>() : may;
      for (const machine of this.#world.machines) {
        const text = openers.get(machine);
        if (text !== undefined && !expected.has(machine)) return `${machine.name} opens the copy of ${path}`;
        if (expected.has(machine) && text !== this.#current(path)) {
          return `${machine.name} does not find the current value in the copy of ${path}`;
        }
      }
      const isThere = this.#tree.now.has(`${path}.age`);
      if (isThere === this.#gone.has(path)) return `there is ${isThere ? "a" : "no"} copy of ${path}`;
    }
    return null;
  }

  #current(path: string): string | undefined {
    const { history } = this.#world;
    return history.values.get(history.winner(secretVersionPath(path))?.entry ?? "");
  }

  async #pass(durationMs: number): Promise<void> {
    await this.#until(durationMs, () => false);
  }

  async #until(withinMs: number, holds: () => boolean): Promise<boolean> {
    const untilMs = this.#world.clock.monotonic() + withinMs;
    while (!holds()) {
      if (this.#world.clock.monotonic() >= untilMs) return false;
      await this.#hands.pass(GLANCE_MS);
      await this.#watch.look(LABELLED);
    }
    return true;
  }

  get #behind(): number {
    return this.#world.errors["secret-store.copies-behind"] ?? 0;
  }

  get #damaged(): number {
    return this.#world.errors["secret-store.damaged-copies"] ?? 0;
  }

  #violated(detail: string): void {
    this.#world.violated("copies", detail);
  }

  get #first(): Machine {
    return this.#world.machines[0] as Machine;
  }

  get #keeper(): Machine {
    return this.#world.machines[1] as Machine;
  }

  get #stores(): readonly Machine[] {
    return this.#world.machines.slice(1, 3);
  }

  /** The last of them is off. */
  get #readers(): readonly Machine[] {
    return this.#world.machines.slice(3);
  }

  get #silent(): Machine {
    return this.#world.machines.at(-1) as Machine;
  }
}
