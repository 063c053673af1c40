import { fromHex, toBase64Url } from "../src/core/bytes.ts";
import { LabError } from "../src/core/errors.ts";
import type { Json } from "../src/core/json.ts";
import { labelPath, scanPath, secretVersionPath, serverAttributePath, serverLabelPath } from "../src/core/paths.ts";
import { DiskFullError } from "../src/core/ports/disk.ts";
import type { Random } from "../src/core/ports/random.ts";
import { Secret } from "../src/core/secret.ts";
import { prepareSecret } from "../src/core/secrets/prepare.ts";
import { storeRecipients } from "../src/core/policy/entitlement.ts";
import { secretDeliverOperation } from "../src/operations/secret.ts";
import { signOfLaterRelease } from "./later-release.ts";
import type { Machine } from "./machine.ts";
import { OperatorAlarm, type OperatorContext, type SimOperator, type Wish } from "./sim-operator.ts";
import type { World } from "./world.ts";

/** Labels that operators put on servers. */
const LABELS = ["web", "app", "db", "cache", "edge"] as const;
/** Given to the first half of the machines only: whoever is not among them may never learn what it opens. */
const GUARDED_LABELS: readonly string[] = ["db"];
const REGIONS = ["eu", "us", "home"] as const;

/** What labels open, as declared in the first minute. */
export const SECRETS_OF: Readonly<Record<string, readonly string[]>> = { web: ["web/tls"], db: ["db/password"] };
/** Labels that open theirs by a class whose code names it, and not by themselves. */
const CLASS_OF: Readonly<Record<string, string>> = { db: "postgresql::server" };
/** Between what an operator signs about a secret and its value. */
const MOST_BETWEEN_MS = 10_000;

/** Of a batch: enough for one to be missing at either end and in the middle. */
const BATCH_ENTRIES = 4;

const PREPARE_EVERY_MS = 1_500;

const PATHS = Object.values(SECRETS_OF).flat();

/** An agent that does not answer its own machine in this time has crashed. */
const PATIENCE_MS = 20_000;

export interface WorkloadOptions {
  /** Of the operators together, for each machine. */
  readonly writesPerMachineAndMinute: number;
}

/**
 * Honest operators at work, a fixed number of times a minute: mostly labels and attributes, now and then a secret or a
 * role, each time through a machine that chance picks. Who finds the agent down or too far off in time comes later.
 */
export class Workload {
  readonly #world: World;
  readonly #random: Random;
  readonly #intervalMs: number;
  readonly #busy = new Set<SimOperator>();
  #state: "new" | "working" | "ended" = "new";
  #secrets = 0;
  #batches = 0;

  constructor(world: World, { writesPerMachineAndMinute }: WorkloadOptions) {
    this.#world = world;
    this.#random = world.random.fork("workload");
    this.#intervalMs = 60_000 / (writesPerMachineAndMinute * world.machines.length);
  }

  start(): void {
    this.#state = "working";
    this.#prepare();
    this.#next();
  }

  end(): void {
    this.#state = "ended";
  }

  /** Each operator on one side of a cut: one path that both write, and a label each, on one server. */
  disagree(here: readonly Machine[], there: readonly Machine[]): void {
    const { alice, bob, machines } = this.#world;
    const server = machines[0]?.id as string;
    const turns = [
      { operator: alice, side: here, region: "eu", label: "cache" },
      { operator: bob, side: there, region: "us", label: "edge" },
    ];
    for (const { operator, side, region, label } of turns) {
      const wishes = [
        { path: serverAttributePath(server, "region"), value: region },
        { path: serverLabelPath(server, label), value: true },
      ];
      const reachable = side.filter(({ agent }) => agent !== null);
      if (reachable.length > 0) this.#soon(operator, (machine) => this.#write(operator, machine, wishes), reachable);
    }
  }

  /** Both operators hand everything that they ever signed to some machine. False if one of them was not heard. */
  async handOverAll(): Promise<boolean> {
    const { alice, bob } = this.#world;
    const heard = await Promise.all([alice, bob].map((operator) => this.#handOver(operator)));
    return heard.every(Boolean);
  }

  /** What labels open, a few labels, and a first version of each secret: again until some agent takes it. */
  #prepare(): void {
    const { alice, clock, history, machines } = this.#world;
    const declarations = Object.entries(SECRETS_OF).flatMap(([label, secrets]): Wish[] => {
      const puppetClass = CLASS_OF[label];
      if (puppetClass === undefined) return [{ path: labelPath(label), value: { secrets } }];
      const references = secrets.map((path) => ({ path, text: `lab::secret('${path}')`, file: "init.pp", line: 1 }));
      return [
        { path: labelPath(label), value: { puppetClasses: [puppetClass] } },
        { path: scanPath(puppetClass), value: { references, tree: "" } },
      ];
    });
    const labels = [...machines.slice(0, 2), ...machines.slice(-1)].map(({ id }, i) => ({
      path: serverLabelPath(id, i === 0 ? "db" : "web"),
      value: true,
    }));
    const lacking = PATHS.filter((path) => history.winner(secretVersionPath(path)) === undefined);
    const [secret] = lacking;
    if (history.writes.length === 0) {
      this.#soon(alice, (machine) => this.#write(alice, machine, [...declarations, ...labels]));
    } else if (secret !== undefined) {
      this.#soon(alice, (machine) => this.#setSecret(alice, machine, secret));
    } else return;
    clock.after(PREPARE_EVERY_MS, () => {
      if (this.#state === "working") this.#prepare();
    });
  }

  #next(): void {
    const { clock } = this.#world;
    clock.after(this.#intervalMs, () => {
      if (this.#state === "ended") return;
      this.#act();
      this.#next();
    });
  }

  #act(): void {
    const { alice, bob } = this.#world;
    const operator = this.#random.below(2) === 0 ? alice : bob;
    const kind = this.#random.below(40);
    if (kind === 3 || kind === 4) {
      this.#soon(operator, (machine) => signOfLaterRelease(this.#world, operator, machine, this.#random));
    } else if (kind === 0 && operator === alice) this.#soon(alice, (machine) => this.#moveRole(machine));
    else if (kind === 1) this.#soon(operator, (machine) => this.#setSecret(operator, machine, this.#pick(PATHS)));
    else if (kind === 2) this.#soon(operator, (machine) => this.#writeBatch(operator, machine));
    else {
      const wish = this.#wish();
      this.#soon(operator, (machine) => this.#write(operator, machine, [wish]));
    }
  }

  /** The operator does one thing after the other, and turns to a machine that runs. */
  #soon(
    operator: SimOperator,
    work: (machine: Machine) => Promise<void>,
    within: readonly Machine[] = this.#world.running,
  ): void {
    const world = this.#world;
    if (within.length === 0 || this.#busy.has(operator)) {
      world.reached("an operator has to wait");
      return;
    }
    const machine = this.#pick(within);
    if (!world.acts.take("work", `${operator.name} at work`, [machine.name])) return;
    this.#busy.add(operator);
    world.atWork = this.#busy.size;
    // An agent that crashes never answers; the person in front of it gives up.
    const patience = world.clock.after(PATIENCE_MS, () => {
      world.reached("an agent never answers its operator");
      this.#busy.delete(operator);
      world.atWork = this.#busy.size;
    });
    const done = () => {
      patience.cancel();
      this.#busy.delete(operator);
      world.atWork = this.#busy.size;
    };
    work(machine).then(done, (error: unknown) => {
      done();
      this.#failed(operator, machine, error);
    });
  }

  #failed(operator: SimOperator, machine: Machine, error: unknown): void {
    if (error instanceof OperatorAlarm) this.#world.violated("operators", error.message);
    else if (error instanceof DiskFullError) this.#world.reached("an agent's disk is full when its operator comes");
    else if (machine.agent === null) this.#world.reached("an agent stops under its operator's hands");
    else if (knowsNoStore(machine, error)) this.#world.reached("an agent that lost its records knows no store");
    else this.#world.violated("no-throw", `${operator.name} at ${machine.name}: ${String(error)}`);
  }

  #wish(): Wish {
    const random = this.#random;
    const { machines, hostile } = this.#world;
    const index = random.below(machines.length + 1);
    const server = machines[index]?.id ?? hostile.member.id;
    if (random.below(4) === 0) {
      return { path: serverAttributePath(server, "region"), value: REGIONS[random.below(REGIONS.length)] };
    }
    const allowed = LABELS.filter((label) => !GUARDED_LABELS.includes(label) || index * 2 < machines.length);
    const label = allowed[random.below(allowed.length)] as string;
    return { path: serverLabelPath(server, label), value: random.below(3) === 0 ? undefined : true };
  }

  async #write(operator: SimOperator, machine: Machine, wishes: readonly Wish[]): Promise<void> {
    const context = await this.#ask(operator, machine, wishes);
    if (context === null) return;
    operator.sign(context, wishes);
    await operator.handOver(machine, context);
  }

  /** A batch of several entries; now and then the operator is cut off before the last, and hands that over later. */
  async #writeBatch(operator: SimOperator, machine: Machine): Promise<void> {
    const number = ++this.#batches;
    const value = { ports: [number] };
    const parts = Array.from({ length: BATCH_ENTRIES }, (_, part) =>
      Array.from({ length: 2 }, (__, i) => ({ path: labelPath(`batch-${operator.name}-${part}-${i}`), value })),
    );
    const context = await this.#ask(operator, machine, parts.flat());
    if (context === null) return;
    operator.signBatch(context, parts);
    this.#world.reached("a batch of several entries is signed");
    if (this.#random.below(2) === 0) return operator.handOver(machine, context);
    await operator.handOver(machine, context, 1 + this.#random.below(BATCH_ENTRIES - 1));
    this.#world.reached("a batch is handed over in part");
    await this.#wait(this.#random.below(MOST_BETWEEN_MS));
    await this.#handOver(operator);
  }

  async #ask(operator: SimOperator, machine: Machine, wishes: readonly Wish[]): Promise<OperatorContext | null> {
    const paths = wishes.map(({ path }) => path);
    const context = await operator.ask(machine, paths);
    if (context === null) this.#world.reached("an operator does not sign at this agent");
    return context;
  }

  async #setSecret(operator: SimOperator, machine: Machine, path: string): Promise<void> {
    const { history, keys, marker, mesh } = this.#world;
    const context = await this.#ask(operator, machine, [{ path: secretVersionPath(path), value: null }]);
    const agent = machine.agent;
    if (context === null || agent === null) return;
    const number = ++this.#secrets;
    const text = `${marker} ${path} ${number}`;
    const prepared = prepareSecret({
      keys,
      random: this.#random.fork(`secret ${number}`),
      mesh,
      path,
      value: new Secret(new Uint8Array(Buffer.from(text))),
      heads: fromHex(context.seen) as Uint8Array,
      tips: context.tips,
      nowMs: operator.clock.now(),
    });
    const version = operator.sign(context, [{ path: secretVersionPath(path), value: prepared.metadata as Json }]);
    history.values.set(version, text);
    await operator.handOver(machine, context);
    // All peers know of the version before a store has its value: whoever wants to slip in a false one has this long.
    if (this.#random.below(3) === 0) await this.#wait(this.#random.below(MOST_BETWEEN_MS));
    if (machine.agent === null) return;
    const envelope = toBase64Url(await prepared.finish(version, storeRecipients(agent.view())));
    const { stores } = await machine.call(secretDeliverOperation, { path, version, envelope });
    const { name: liar } = this.#world.hostile.member;
    if (stores.some(({ stored, name }) => stored && name !== liar)) {
      history.delivered.add(version);
      this.#world.reached("a secret is delivered");
    } else this.#world.reached("a secret reaches no store");
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.clock.after(delayMs, resolve));
  }

  /** The coordinator's label comes and goes on one machine, beside the one that always has it. */
  async #moveRole(machine: Machine): Promise<void> {
    const { alice, history, machines } = this.#world;
    const server = machines.at(-1) as Machine;
    const context = await alice.ask(machine, [], [server.name]);
    const subject = context?.servers[server.name];
    if (!context || !subject) return;
    const node = fromHex(server.id) as Uint8Array;
    const role = "coordinator";
    const at = alice.clock.now();
    if (history.rolesOf(server.id).has(role)) {
      const logs = subject.roles[role] ?? [];
      const keeps = logs.map(({ log, tips }) => ({
        log: fromHex(log) as Uint8Array,
        a: tips.length === 0 ? null : tips.map((tip) => fromHex(tip) as Uint8Array),
        l: null,
      }));
      alice.act(context, { type: "unrole", node, label: role, keeps, at });
      history.withdrew(server.id, role);
      this.#world.reached("a role is taken away");
    } else {
      alice.act(context, { type: "role", node, label: role, at });
      history.granted(server.id, role);
      this.#world.reached("a role is given");
    }
    await alice.handOver(machine, context);
  }

  async #handOver(operator: SimOperator): Promise<boolean> {
    for (const machine of this.#world.running) {
      const context = await operator.ask(machine, []);
      if (context === null) continue;
      await operator.handOver(machine, context);
      return true;
    }
    return false;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }
}

/** A machine with damaged records knows of no more roles than it has read, until others have told it the rest. */
function knowsNoStore({ agent }: Machine, error: unknown): boolean {
  return (agent?.replica.damaged.length ?? 0) > 0 && error instanceof LabError && error.code === "SecretUnavailable";
}
