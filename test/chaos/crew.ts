import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { IPV4, Network } from "../../bench/namespaces.ts";
import { Machine } from "./machine.ts";
import { People, type Person } from "./people.ts";
import type { Place } from "./plan.ts";
import { Watch } from "./watch.ts";
import { type Delayer, findDelayer, Wire } from "./wire.ts";

export interface CrewOptions {
  readonly seed: string;
  readonly agents: number;
  /** For each there are strangers. */
  readonly races: number;
  readonly directory: string;
  readonly nowMs: () => number;
  readonly note: (text: string) => void;
  readonly violated: (check: string, detail: string) => void;
}

/** The member whose program is not ours. */
export const MOLE = "mole";

const HOSTILE = join(import.meta.dirname, "hostile.ts");
const MOST_IMAGES = 8;
/** Who join at the same time. */
const AT_ONCE = 4;
const STRANGERS = 3;
const ROUTED = [4, 5];
const DELAYED = 2;
/** With fewer there is nobody behind a router. */
const LEAST_WITH_ROUTER = 6;

/** The machines of a run, the people who operate them, and one member whose program is not ours. */
export class Crew {
  /** Honest ones that are members. */
  readonly machines: Machine[] = [];
  readonly people: People;
  readonly watch: Watch;
  readonly delayer: Delayer;
  readonly places: readonly Place[];
  /** Names, by race. */
  readonly strangers: readonly (readonly string[])[];
  /** Who is on the smaller side of the switch at this moment. */
  minority: ReadonlySet<string> = new Set();
  readonly #options: CrewOptions;
  readonly #network = new Network();
  readonly #outside = new Map<string, Machine>();
  readonly #turns = new Map<Person, Promise<unknown>>();
  #hostile: ChildProcess | null = null;
  #mole: Machine | null = null;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.people = new People(options.nowMs);
    this.watch = new Watch(options.nowMs);
    this.delayer = findDelayer(this.#network);
    this.places = placesOf(options.agents, this.delayer);
    this.strangers = Array.from({ length: options.races }, (_, race) =>
      Array.from({ length: STRANGERS }, (_stranger, i) => `stranger-${race + 1}-${i + 1}`),
    );
  }

  /** Everybody is a member of one mesh, with an agent. */
  async assemble(alarmAfterS: number): Promise<void> {
    const { note } = this.#options;
    note(`${this.places.length} machines; delay by ${this.delayer}`);
    const all = this.#build();
    const [first, second, ...others] = all as [Machine, Machine, ...Machine[]];
    await this.people.found(first);
    await this.#welcome(first);
    const waiting = [second, ...others];
    while (waiting.length > 0) {
      const some = waiting.splice(0, AT_ONCE);
      const tokens: string[] = [];
      for (const { name } of some) tokens.push(await this.people.token(first, name));
      await Promise.all(some.map((machine, i) => this.#enrol(machine, tokens[i] as string)));
    }
    const mole = this.#machine({ name: MOLE, wire: "plain", disk: "directory" }, Wire.plain(this.#network.plug(IPV4)));
    this.#mole = mole;
    const { exit, stderr } = await mole.lab("nobody", ["join", await this.people.token(first, MOLE)]);
    if (exit !== 0) throw new Error(`the mole could not join: ${stderr}`);
    await this.people.learnIds(first);
    const names = all.map(({ name }) => name);
    await this.people.declare(first, second, names, alarmAfterS);
    // The guarded one goes to somebody of the first half alone.
    for (const name of names.filter((_, i) => i % 2 === 1)) await this.people.label("alice", first, name, "web");
    await this.people.label("alice", first, second.name, "db");
    await this.#loose(mole);
    for (const name of this.strangers.flat()) {
      const place: Place = { name, wire: "plain", disk: "directory" };
      this.#outside.set(name, this.#machine(place, Wire.plain(this.#network.plug(IPV4))));
    }
  }

  /** Where the mesh began, and where tokens are redeemed. */
  get first(): Machine {
    const [first] = this.machines;
    if (first === undefined) throw new Error("there is no mesh yet");
    return first;
  }

  named(name: string): Machine {
    const machine = this.machines.find((one) => one.name === name) ?? this.#outside.get(name);
    if (machine === undefined) throw new Error(`there is no machine ${name}`);
    return machine;
  }

  /** A stranger that has become a member; its agent runs from now on. */
  async admit(machine: Machine): Promise<void> {
    await this.people.learnIds(this.first);
    this.#outside.delete(machine.name);
    await machine.start();
    await this.#welcome(machine);
  }

  /** One person does one thing after the other. */
  turn<T>(person: Person, act: () => Promise<T>): Promise<T> {
    const done = (this.#turns.get(person) ?? Promise.resolve()).then(act);
    this.#turns.set(
      person,
      done.catch(() => undefined),
    );
    return done;
  }

  /** Tells the mole where everybody is. */
  async point(): Promise<void> {
    const [first] = this.machines;
    if (first === undefined || this.#hostile === null) return;
    const servers = await first.servers().catch(() => []);
    const targets = servers.flatMap(({ name, key, addresses }) =>
      name === MOLE || addresses[0] === undefined ? [] : [{ key, address: addresses[0] }],
    );
    this.#hostile.stdin?.write(`${JSON.stringify(targets)}\n`);
  }

  /** What it did, by kind. */
  async endHostile(): Promise<Record<string, number>> {
    const hostile = this.#hostile;
    this.#hostile = null;
    if (hostile === null || hostile.stdout === null) return {};
    const said = createInterface({ input: hostile.stdout })[Symbol.asyncIterator]().next();
    hostile.stdin?.end();
    const { value } = (await said) as { value?: string };
    if (value === undefined) throw new Error("the hostile member ended without a word");
    const { counts, gains } = JSON.parse(value) as { counts: Record<string, number>; gains: readonly string[] };
    for (const gain of gains) this.#options.violated("unauthorised", `the hostile member got ${gain}`);
    return Object.fromEntries(Object.entries(counts).map(([kind, count]) => [`hostile: ${kind}`, count]));
  }

  async end(): Promise<void> {
    this.watch.end();
    this.#hostile?.kill("SIGKILL");
    const all = [...this.machines, ...this.#outside.values(), ...(this.#mole === null ? [] : [this.#mole])];
    await Promise.all(all.map((machine) => machine.end()));
    this.#network.end();
  }

  #build(): Machine[] {
    const router = this.places.some(({ wire }) => wire === "behind a router") ? this.#network.plug(IPV4) : null;
    return this.places.map((place, i) => {
      if (place.wire === "behind a router" && router !== null) {
        return this.#machine(place, Wire.plain(this.#network.plugBehind(router, i + 1)));
      }
      if (place.wire === "delayed" && this.delayer !== "none") {
        return this.#machine(place, Wire.delayed(this.#network, this.#options.seed, this.delayer));
      }
      return this.#machine(place, Wire.plain(this.#network.plug(IPV4)));
    });
  }

  #machine(place: Place, wire: Wire): Machine {
    const { directory, violated } = this.#options;
    return new Machine(place, wire, directory, (how) =>
      violated("no-throw", `the agent of ${place.name} ended: ${how}`),
    );
  }

  async #enrol(machine: Machine, token: string): Promise<void> {
    const { exit, stderr } = await machine.lab("nobody", ["join", token]);
    if (exit !== 0) throw new Error(`${machine.name} could not join: ${stderr}`);
    await machine.start();
    await this.#welcome(machine);
  }

  async #welcome(machine: Machine): Promise<void> {
    this.machines.push(machine);
    await this.watch.attach(machine);
  }

  async #loose({ wire, home }: Machine): Promise<void> {
    const words = [...wire.cable.within.slice(1), process.execPath, HOSTILE, home];
    const log = openSync(join(this.#options.directory, "logs/mole.log"), "a");
    this.#hostile = spawn(wire.cable.within[0] as string, words, { stdio: ["pipe", "pipe", log] });
    await this.point();
  }
}

/** Who hangs where: the first is plain, and holds no image, as it is where everything begins. */
function placesOf(agents: number, delayer: Delayer): Place[] {
  let images = 0;
  return Array.from({ length: agents }, (_, i): Place => {
    const name = `m${i + 1}`;
    if (i === DELAYED && delayer !== "none") return { name, wire: "delayed", disk: "directory" };
    if (agents >= LEAST_WITH_ROUTER && ROUTED.includes(i)) return { name, wire: "behind a router", disk: "directory" };
    const isImage = i > 0 && images < MOST_IMAGES;
    if (isImage) images++;
    return { name, wire: "plain", disk: isImage ? "image" : "directory" };
  });
}
