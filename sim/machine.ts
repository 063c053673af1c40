import { toHex } from "../src/core/bytes.ts";
import { DiskFullError } from "../src/core/ports/disk.ts";
import type { FileTree } from "../src/core/ports/file-tree.ts";
import type { InterfaceAddress } from "../src/core/ports/interfaces.ts";
import type { Keys, SealIdentity, Signer } from "../src/core/ports/keys.ts";
import type { Log } from "../src/core/ports/log.ts";
import type { Notifier } from "../src/core/ports/notifier.ts";
import type { Random } from "../src/core/ports/random.ts";
import type { NodeReport } from "../src/core/report.ts";
import type { Secret } from "../src/core/secret.ts";
import { isLedgerClass } from "../src/crdt/entry/entry.ts";
import { Replica } from "../src/crdt/replica.ts";
import type { Retention } from "../src/crdt/retention.ts";
import type { EntryReader } from "../src/crdt/entry-reader.ts";
import type { Agent } from "../src/node/agent.ts";
import type { KnownAddress } from "../src/node/directory.ts";
import type { OperationCalls } from "../src/node/operation-calls.ts";
import { scopedDisk } from "../src/node/scoped-disk.ts";
import type { InputOf, Operation, OutputOf } from "../src/operations/operation.ts";
import type { NodeClock } from "./clock.ts";
import type { CutBatch, SimDisk } from "./disk.ts";
import type { SimLink } from "./link.ts";
import type { SimNetwork } from "./network.ts";
import { type Release, THIS_RELEASE } from "./releases/release.ts";
import { type LinkWatcher, watchedLink } from "./watched-link.ts";

const ENTRIES = "entries/";

/** What every machine of a world says of itself that runs this release. */
export function factsOf({ name }: Release): Pick<NodeReport, "release" | "os" | "arch"> {
  return { release: `simulated ${name}`, os: "virtual", arch: "none" };
}

export interface MachineParts {
  readonly name: string;
  /** Hex of the node's log. */
  readonly id: string;
  readonly mesh: Uint8Array;
  readonly address: string;
  readonly network: SimNetwork;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly keys: Keys;
  readonly reader: EntryReader;
  readonly disk: SimDisk;
  readonly log: Log;
  readonly notifier: Notifier;
  readonly signer: Signer;
  readonly seal: SealIdentity;
  readonly machineKey: Secret;
  readonly bootstrap: readonly KnownAddress[];
  readonly watcher: LinkWatcher;
  readonly retention: Retention;
  /** Virtual time, which no machine knows. */
  worldMs(): number;
  /** Called when an agent has started, with the replica that it read from its disk. */
  started(machine: Machine, agent: Agent): void;
}

/**
 * One machine of a world: its disk, clock and keys outlive its agent, which is the shipped class. Every start makes a
 * new agent over what the disk kept.
 */
export class Machine {
  readonly name: string;
  readonly id: string;
  readonly key: string;
  readonly clock: NodeClock;
  /** What it runs from its next start on. */
  release: Release = THIS_RELEASE;
  /** Where it keeps copies of secrets from its next start on, if it is a store. */
  copies: FileTree | null = null;
  readonly #parts: MachineParts;
  #bootstrap: readonly KnownAddress[];
  #address: string;
  #disk: SimDisk;
  #link: SimLink | null = null;
  #running: { readonly agent: Agent; readonly calls: OperationCalls } | null = null;
  /** Ends what holds it up. */
  #pause: (() => void) | null = null;
  #starts = 0;
  #sinceMs = 0;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.#disk = parts.disk;
    this.name = parts.name;
    this.id = parts.id;
    this.#address = parts.address;
    this.#bootstrap = parts.bootstrap;
    this.clock = parts.clock;
    this.key = toHex(parts.signer.publicKey);
  }

  /** The agent, once it has started and until it stops. */
  get agent(): Agent | null {
    return this.#running?.agent ?? null;
  }

  get disk(): SimDisk {
    return this.#disk;
  }

  get address(): string {
    return this.#address;
  }

  /** Another lease: connections die, and nobody but the machine itself knows where it is. */
  moveTo(address: string): void {
    this.#address = address;
    if (this.#link !== null) this.#parts.network.move(this.#link, address);
  }

  /** Of its home only the keys are left: the store is gone, and so is the note of where others are. */
  loseAll(): void {
    this.#disk.setBack(new Map());
    this.#bootstrap = [];
  }

  /** Virtual time of its last start, stop or crash. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Neither running nor about to. */
  get isDown(): boolean {
    return this.#link === null;
  }

  /** What a machine brings from its enrolment. */
  async settle(entries: readonly Uint8Array[]): Promise<void> {
    const { keys, mesh, reader } = this.#parts;
    const replica = new Replica(keys, mesh, scopedDisk(this.#disk, ENTRIES), undefined, reader);
    await replica.load();
    for (const { state, reason } of await replica.admit(entries, "local")) {
      if (state !== "admitted") throw new Error(`the world's own entry is ${state}: ${reason}`);
    }
  }

  async start(): Promise<void> {
    if (this.#link !== null) throw new Error(`${this.name} runs already`);
    const parts = this.#parts;
    const run = ++this.#starts;
    this.#disk = this.#disk.reopen();
    const link = parts.network.createLink(this.key, this.address);
    this.#link = link;
    const build = (): Agent => this.#agent(link, `run ${run}`);
    let agent = build();
    await agent.load();
    if (agent.replica.damaged.length + agent.replica.missing > 0) {
      // As the host does with a damaged home. A disk that is full as well forgets that anything was lost.
      await this.release.noteLoss(this.#disk, this.clock.now()).catch(ignoreFull);
      agent = build();
      await agent.load();
      await agent.replica.acceptLoss().catch(ignoreFull);
    }
    const calls = new this.release.OperationCalls(agent);
    await agent.start();
    this.#running = { agent, calls };
    this.#sinceMs = parts.worldMs();
    parts.started(this, agent);
  }

  #agent(link: SimLink, run: string): Agent {
    const parts = this.#parts;
    return new this.release.Agent({
      platform: {
        clock: parts.clock,
        random: parts.random.fork(run),
        disk: this.#disk,
        link: watchedLink(link, parts.watcher),
        interfaces: { addresses: () => interfacesAt(this.address) },
        keys: parts.keys,
        log: parts.log,
        notifier: parts.notifier,
        ...(this.copies === null ? {} : { secretCopies: this.copies }),
      },
      identity: {
        mesh: parts.mesh,
        node: parts.id,
        signer: parts.signer,
        seal: parts.seal,
        machineKey: parts.machineKey,
      },
      roles: this.release.roles,
      bootstrap: this.#bootstrap,
      ...factsOf(this.release),
      // Worlds are short: what takes weeks elsewhere has to happen in minutes.
      summedFrom: 3,
      retention: parts.retention,
      // Another release reads for itself: it may find other things in the same bytes.
      ...(this.release.sources === "these" ? { reader: parts.reader } : {}),
    });
  }

  /** True if the entry is in its agent's replica or, where that began further up its chain, on the disk. */
  holds(entry: string): boolean {
    const replica = this.agent?.replica;
    if (replica === undefined) return false;
    if (replica.graph.find(entry) !== undefined) return true;
    const chains = [...replica.chains.values()];
    // Mostly one of an operator is asked for, and everybody has an audit log.
    if (chains.some((chain) => isLedgerClass(chain.class) && chain.find(entry) !== undefined)) return true;
    if (chains.some((chain) => chain.find(entry) !== undefined)) return true;
    const below = chains.filter((chain) => chain.below > 0).map((chain) => `${ENTRIES}c/${chain.log}/`);
    const end = `/${entry.slice(0, 16)}`;
    return this.#disk.keysNow.some((key) => key.endsWith(end) && below.some((prefix) => key.startsWith(prefix)));
  }

  /** The power fails: what was not synced may be gone, and nobody is told. */
  crash(cut: CutBatch = "whole"): void {
    if (this.#link === null) return;
    this.goOn();
    this.#parts.clock.crash();
    this.#link.crash();
    this.#disk.crash(cut);
    this.#link = null;
    this.#running = null;
    this.#sinceMs = this.#parts.worldMs();
  }

  /** Nothing happens on it any more until {@link goOn}; its clocks go on, and whoever talks to it waits. */
  pause(): void {
    if (this.#link === null || this.#pause !== null) return;
    this.clock.pause();
    const goOn = this.#parts.network.pause(this.key);
    this.#pause = () => {
      this.clock.goOn();
      goOn();
    };
  }

  /** A lid is closed: as a pause, but that what others send is lost, and that it knows nothing of the time in between. */
  fallAsleep(others: readonly string[]): void {
    if (this.#link === null || this.#pause !== null) return;
    this.clock.pause();
    const ends = [this.#parts.network.pause(this.key), this.#parts.network.cut([this.key], others)];
    this.#pause = () => {
      this.clock.wakeUp();
      for (const end of ends) end();
    };
  }

  goOn(): void {
    this.#pause?.();
    this.#pause = null;
  }

  get isPaused(): boolean {
    return this.#pause !== null;
  }

  /** The agent ends in order. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    await running.agent.stop();
    await this.#disk.close();
    this.#link = null;
    this.#sinceMs = this.#parts.worldMs();
  }

  /** What its key makes of a sealed file; null if that is not sealed to it. Throws {@link SealBrokenError}. */
  open(sealed: Uint8Array): Promise<Secret | null> {
    return this.#parts.keys.open(this.#parts.seal, sealed);
  }

  /** What a person at this machine asks its agent. Throws if no agent runs; never settles if it crashes meanwhile. */
  async call<O extends Operation>(operation: O, input: InputOf<O>): Promise<OutputOf<O>> {
    if (this.#running === null) throw new Error(`no agent runs on ${this.name}`);
    return (await this.#running.calls.call(operation, input)) as OutputOf<O>;
  }
}

function ignoreFull(error: unknown): void {
  if (!(error instanceof DiskFullError)) throw error;
}

/** A machine in the simulator has one interface. */
export function interfacesAt(address: string): InterfaceAddress[] {
  const host = address.slice(0, address.lastIndexOf(":"));
  return [{ interface: "eth0", address: host, prefixBits: 24, scope: "network" }];
}
