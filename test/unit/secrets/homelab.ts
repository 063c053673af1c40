import { CollectingLog } from "../../../sim/log.ts";
import { SimClock } from "../../../sim/clock.ts";
import { SimDisk } from "../../../sim/disk.ts";
import { createSimKeys } from "../../../sim/keys.ts";
import { seededRandom } from "../../../sim/random.ts";
import { ascii, toHex } from "../../../src/core/bytes.ts";
import type { Exposure } from "../../../src/core/exposure/exposure.ts";
import { HLC_ZERO } from "../../../src/core/hlc.ts";
import type { Json } from "../../../src/core/json.ts";
import { labelPath, secretPath, secretVersionPath, serverLabelPath } from "../../../src/core/paths.ts";
import type { Disk } from "../../../src/core/ports/disk.ts";
import type { FileTree } from "../../../src/core/ports/file-tree.ts";
import type { Keys, SealIdentity, Signer } from "../../../src/core/ports/keys.ts";
import { PeerFailedError, PeerUnreachableError } from "../../../src/core/ports/link.ts";
import type { ChannelHandler, Peers } from "../../../src/core/ports/mesh.ts";
import type { AuditRecord, Role, RoleContext } from "../../../src/core/ports/role.ts";
import { Secret } from "../../../src/core/secret.ts";
import { freshnessChannel, freshnessHandler } from "../../../src/core/secrets/freshness.ts";
import { prepareSecret } from "../../../src/core/secrets/prepare.ts";
import { storeRecipients } from "../../../src/core/policy/entitlement.ts";
import type { Departure, Node, Operator, PathWinner, View } from "../../../src/core/view.ts";
import { SecretCache } from "../../../src/node/secrets/secret-cache.ts";
import { type Delivery, deliverEnvelope } from "../../../src/node/secrets/handing-to-stores.ts";
import { secretStore } from "../../../src/roles/secret-store/index.ts";

/** What the entries of a mesh mean, by hand. Values that are gone by a removal stay in `written`. */
interface State {
  readonly revision: number;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly operators: readonly Operator[];
  /** What was decided about nodes and operators, the newest last. */
  readonly acts: ReadonlySet<string>;
  readonly desired: ReadonlyMap<string, PathWinner>;
  readonly written: ReadonlySet<string>;
  /** What was written at a path, the newest first. */
  readonly history: ReadonlyMap<string, readonly PathWinner[]>;
  readonly recovery: string | null;
  /** Ids of machines that ever were stores. */
  readonly formerStores: ReadonlySet<string>;
}

export interface Exchange {
  readonly from: string;
  readonly to: string;
  readonly channel: string;
  readonly body: Uint8Array;
  readonly answer: Uint8Array | null;
}

/** Some machines whose mesh is a function call: secret stores and caches as shipped, all around them by hand. */
export class Homelab {
  readonly clock = new SimClock();
  readonly random = seededRandom("homelab");
  readonly keys: Keys = createSimKeys(seededRandom("homelab keys"));
  readonly mesh = this.keys.hash(ascii("homelab"));
  readonly machines = new Map<string, Machine>();
  /** What those have who left. */
  exposures: () => readonly Exposure[] = () => [];
  /** Everything that went over the wire. */
  readonly wire: Exchange[] = [];
  state: State = {
    revision: 1,
    nodes: new Map(),
    operators: [],
    acts: new Set(),
    desired: new Map(),
    written: new Set(),
    history: new Map(),
    recovery: null,
    formerStores: new Set(),
  };

  async machine(name: string, ...labels: string[]): Promise<Machine> {
    const seal = await this.keys.createSealIdentity();
    const signer = this.keys.signer(new Secret(this.random.bytes(32)));
    const machine = new Machine(this, name, signer, seal);
    this.machines.set(name, machine);
    this.putNode(machine, {});
    for (const label of labels) this.label(name, label);
    return machine;
  }

  putNode(machine: Machine, changes: Partial<Node>): void {
    const { id, key, name, seal } = machine;
    const roles: ReadonlySet<string> = new Set();
    const fresh: Node = {
      ...{ id, key, seal: seal.recipient, name, roles },
      ...{ naming: "owned", state: "active", how: "enrol", enrolledAtMs: 0 },
    };
    const node = { ...fresh, ...this.state.nodes.get(id), ...changes };
    const stores = node.roles.has("secret-store") ? [id] : [];
    this.#act({
      nodes: new Map(this.state.nodes).set(id, node),
      formerStores: new Set([...this.state.formerStores, ...stores]),
    });
  }

  /** Lets a key operate; what it signs for is the test's to say. Its log is its name. */
  operator(name: string, ...rights: string[]): Signer {
    const signer = this.keys.signer(new Secret(this.random.bytes(32)));
    const operator = { log: name, key: toHex(signer.publicKey), name, rank: 2, rights, state: "live" as const };
    this.#act({ operators: [...this.state.operators, operator] });
    return signer;
  }

  cutOperator(name: string): void {
    const operators = this.state.operators.map((one) => (one.name === name ? { ...one, state: "cut" as const } : one));
    this.#act({ operators });
  }

  /** Grants a role. */
  role(name: string, ...roles: string[]): void {
    this.putNode(this.#named(name), { roles: new Set(roles) });
  }

  label(name: string, label: string): void {
    this.write(serverLabelPath(this.#named(name).id, label), true);
  }

  unlabel(name: string, label: string): void {
    this.remove(serverLabelPath(this.#named(name).id, label));
  }

  declare(label: string, ...secrets: string[]): void {
    this.write(labelPath(label), { secrets });
  }

  strict(path: string): void {
    this.write(secretPath(path), { type: "static", strict: true });
  }

  write(path: string, value: Json): string {
    const entry = toHex(this.keys.hash(ascii(`entry ${this.state.revision}`)));
    this.writeAs("alice", entry, { [path]: value });
    return entry;
  }

  writeAs(log: string, entry: string, values: Readonly<Record<string, Json>>): void {
    const [desired, written] = [new Map(this.state.desired), new Set(this.state.written)];
    const hlc = { ms: this.clock.now(), count: this.state.revision };
    const history = new Map(this.state.history);
    for (const [path, value] of Object.entries(values)) {
      const winner = { value, hlc, log, entry };
      desired.set(path, winner);
      history.set(path, [winner, ...(history.get(path) ?? [])]);
      written.add(path);
    }
    this.#advance({ desired, history, written });
  }

  remove(path: string): void {
    const desired = new Map(this.state.desired);
    desired.delete(path);
    this.#advance({ desired, written: new Set(this.state.written).add(path) });
  }

  /** The write at the path counts no more, as its writer was cut. */
  voidWrite(path: string): void {
    const desired = new Map(this.state.desired);
    desired.delete(path);
    const written = new Set(this.state.written);
    written.delete(path);
    this.#advance({ desired, written });
  }

  recovery(recipient: string): void {
    this.#advance({ recovery: recipient });
  }

  /** Signs a new version, as `alice`, and seals it for the stores. Nobody has the envelope yet. */
  async sign(path: string, value: Uint8Array | string): Promise<{ version: string; envelope: Uint8Array }> {
    const { keys, random, mesh } = this;
    const bytes = typeof value === "string" ? ascii(value) : value;
    const heads = this.headsOf(this.state).authority;
    const tips = [...this.state.acts].slice(-1);
    const nowMs = this.clock.now();
    const prepared = prepareSecret({ keys, random, mesh, path, value: new Secret(bytes), heads, tips, nowMs });
    const version = this.write(secretVersionPath(path), prepared.metadata);
    return { version, envelope: await prepared.finish(version, storeRecipients(viewOf(this, this.state))) };
  }

  /** Signs a new version and hands it to all stores that `through` reaches. */
  async set(path: string, value: Uint8Array | string, through: Machine): Promise<Delivery[]> {
    const { envelope } = await this.sign(path, value);
    return this.within(deliverEnvelope(through.view(), through.peers, envelope));
  }

  /** Lets everything happen that is due within some time. */
  async pass(spanMs: number): Promise<void> {
    await this.clock.runUntil(this.clock.monotonic() + spanMs);
  }

  /** What a promise gives, while virtual time goes on. */
  async within<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const outcome = promise.finally(() => {
      isDone = true;
    });
    outcome.catch(() => undefined);
    for (let turn = 0; turn < 100 && !isDone; turn++) await this.pass(100);
    return outcome;
  }

  headsOf(state: State): { authority: Uint8Array; desired: Uint8Array } {
    const nodes = [...state.nodes.values()].map((node) => [node.key, node.state, ...node.roles].join());
    return {
      authority: this.keys.hash(ascii([...nodes, ...state.operators.map(({ key, state }) => key + state)].join(";"))),
      desired: this.keys.hash(ascii(`${state.revision}`)),
    };
  }

  #act(change: Partial<State>): void {
    const id = toHex(this.keys.hash(ascii(`act ${this.state.revision}`)));
    this.#advance({ ...change, acts: new Set([...this.state.acts, id]) });
  }

  #advance(change: Partial<State>): void {
    this.state = { ...this.state, ...change, revision: this.state.revision + 1 };
    for (const machine of this.machines.values()) if (machine.hears === "everything") machine.learn(this.state);
  }

  #named(name: string): Machine {
    return this.machines.get(name) as Machine;
  }
}

export class Machine {
  readonly homelab: Homelab;
  readonly name: string;
  readonly signer: Signer;
  readonly seal: SealIdentity;
  readonly id: string;
  readonly key: string;
  readonly log = new CollectingLog();
  readonly audits: AuditRecord[] = [];
  readonly handlers = new Map<string, ChannelHandler>();
  readonly machineKey: Secret;
  /** Where its store keeps copies, if it does. */
  copies: FileTree | null = null;
  roleDisk: SimDisk;
  cacheDisk: SimDisk;
  cache: SecretCache;
  store: Role | null = null;
  power: "on" | "off" = "on";
  /** Whether the machine knows that it knows its own log to the end. */
  ownHead: "sure" | "unsure" = "sure";
  /** Versions that this machine made and signed. */
  readonly signed = new Set<string>();
  /** Before anything of its store reaches the disk. */
  beforeWrite: () => Promise<void> = () => Promise.resolve();
  /** Between keeping a value that it made and signing the version. */
  crashPoint: () => Promise<void> = () => Promise.resolve();
  /** Machines that are cut off hear of no change and reach nobody of the other side. */
  side = 0;
  hears: "everything" | "nothing" = "everything";
  /** Changes what this machine answers on its way out. */
  lie: ((channel: string, answer: Uint8Array) => Promise<Uint8Array>) | null = null;
  #state: State;

  constructor(homelab: Homelab, name: string, signer: Signer, seal: SealIdentity) {
    this.homelab = homelab;
    this.name = name;
    this.signer = signer;
    this.seal = seal;
    this.key = toHex(signer.publicKey);
    this.id = toHex(homelab.keys.hash(signer.publicKey));
    this.machineKey = new Secret(homelab.random.bytes(32));
    this.roleDisk = new SimDisk({ random: homelab.random });
    this.cacheDisk = new SimDisk({ random: homelab.random });
    this.#state = homelab.state;
    this.cache = this.#newCache();
  }

  view(): View {
    return viewOf(this.homelab, this.#state);
  }

  learn(state: State): void {
    if (state.revision <= this.#state.revision) return;
    this.#state = state;
    if (this.power === "on") this.cache.requestReconcile();
    this.reconcileStore();
  }

  /** Whatever the role says of itself then. */
  reconcileStore(): void {
    this.store?.reconcile().catch(() => undefined);
  }

  get state(): State {
    return this.#state;
  }

  /** Takes on the role, as an agent does when the label appears. */
  async becomeStore(): Promise<void> {
    this.store = secretStore.create(this.context());
    await this.store.start();
    await this.store.reconcile();
  }

  async leaveStore(reason: "label-removed" | "agent-stops"): Promise<void> {
    await this.homelab.within((this.store as Role).stop());
    this.store = null;
    if (reason === "label-removed") await this.clearRemains();
  }

  /** What an agent does with what a role has left, where the machine has not got the label. */
  async clearRemains(): Promise<string | undefined> {
    return this.homelab.within(secretStore.clear?.(this.context()) ?? Promise.resolve(undefined));
  }

  becomeSigner(): void {
    this.handlers.set(freshnessChannel("coordinator"), freshnessHandler(this.context()));
  }

  /** A power cut and a cold start: nothing is left but the disks. */
  async restart(): Promise<void> {
    this.cacheDisk.crash();
    this.roleDisk.crash();
    this.cacheDisk = this.cacheDisk.reopen();
    this.roleDisk = this.roleDisk.reopen();
    await this.cache.stop();
    this.handlers.clear();
    this.cache = this.#newCache();
    await this.cache.load();
    if (this.store !== null) await this.becomeStore();
    this.power = "on";
  }

  /** The value that this machine's cache gives, as text. */
  async read(path: string): Promise<string> {
    const { value, state } = await this.homelab.within(this.cache.get(path));
    const text = String.fromCharCode(...value.reveal());
    return state === "fresh" ? text : `${state}: ${text}`;
  }

  readonly peers: Peers = {
    remoteAddress: () => null,
    request: async (peer, channel, body) => {
      const to = [...this.homelab.machines.values()].find(({ key }) => key === peer);
      if (to === undefined || !this.#reaches(to)) throw new PeerUnreachableError(peer, "no connection");
      const handler = to.handlers.get(channel);
      let answer: Uint8Array | null = null;
      try {
        if (handler === undefined) throw new Error(`this node does not serve "${channel}"`);
        const honest = await handler(this.key, body);
        answer = to.lie === null ? honest : await to.lie(channel, honest);
        return answer;
      } catch (error) {
        throw new PeerFailedError(peer, error instanceof Error ? error.message : "failed");
      } finally {
        this.homelab.wire.push({ from: this.name, to: to.name, channel, body, answer });
      }
    },
    opinion: (key) => {
      const to = [...this.homelab.machines.values()].find((machine) => machine.key === key);
      const isOnline = to !== undefined && this.#reaches(to);
      const lastHeardMs = this.homelab.clock.now() - (isOnline ? 0 : 300_000);
      return { key, online: isOnline ? "yes" : "no", connected: "no", rttMs: null, lastHeardMs };
    },
  };

  #reaches(to: Machine): boolean {
    return this.power === "on" && to.power === "on" && this.side === to.side;
  }

  async catchUp(peer: string): Promise<void> {
    const from = [...this.homelab.machines.values()].find(({ key }) => key === peer);
    if (from === undefined || !this.#reaches(from)) throw new PeerUnreachableError(peer, "no connection");
    this.learn(from.state);
  }

  context(): RoleContext {
    const { homelab, seal, signer } = this;
    const { clock, keys, mesh } = homelab;
    const unused = (): never => {
      throw new Error("not a part of a store's life");
    };
    return {
      ...{ self: { id: this.id, key: this.key }, mesh, clock, keys, seal, signer, log: this.log, peers: this.peers },
      random: homelab.random.fork(`${this.name} ${homelab.state.revision}`),
      disk: this.#guarded(this.roleDisk),
      secretCopies: this.copies,
      lostAtMs: () => null,
      view: () => this.view(),
      heads: () => homelab.headsOf(this.#state),
      catchUp: (peer) => this.catchUp(peer),
      handle: (channel, handler) => void this.handlers.set(channel, handler),
      handleStrangers: unused,
      audit: async (record) => void this.audits.push(record),
      redeem: unused,
      exposures: () => homelab.exposures(),
      generated: {
        sign: async (versions, keep) => {
          if (this.ownHead === "unsure") return false;
          const version = toHex(homelab.keys.hash(homelab.random.bytes(32)));
          await keep(version);
          await this.crashPoint();
          const writes = versions.map(({ path, metadata }) => [secretVersionPath(path), metadata]);
          homelab.writeAs(this.id, version, Object.fromEntries(writes));
          this.signed.add(version);
          return true;
        },
        has: (version) => this.signed.has(version),
      },
      authorityTips: () => [],
      knowsActs: (ids) => ids.every((id) => this.#state.acts.has(id)),
      authorityEntries: unused,
      memberAddresses: unused,
      requestReconcile: () => this.reconcileStore(),
    };
  }

  #guarded(disk: Disk): Disk {
    return {
      append: async (batch, sync) => {
        await this.beforeWrite();
        await disk.append(batch, sync);
      },
      remove: async (keys, sync) => {
        await this.beforeWrite();
        await disk.remove(keys, sync);
      },
      read: (key) => disk.read(key),
      scan: (prefix, within) => disk.scan(prefix, within),
      count: (prefix) => disk.count(prefix),
      close: () => disk.close(),
    };
  }

  #newCache(): SecretCache {
    const { homelab, seal, machineKey } = this;
    const { clock, keys, mesh } = homelab;
    return new SecretCache({
      ...{
        self: { id: this.id, key: this.key },
        mesh,
        clock,
        keys,
        seal,
        machineKey,
        log: this.log,
        peers: this.peers,
      },
      random: homelab.random.fork(`${this.name} cache ${homelab.state.revision}`),
      disk: this.cacheDisk,
      view: () => this.view(),
      heads: () => homelab.headsOf(this.#state),
      catchUp: (peer) => this.catchUp(peer),
    });
  }
}

function viewOf({ mesh }: Homelab, state: State): View {
  const nodes = [...state.nodes.values()];
  return {
    mesh: toHex(mesh),
    meshName: "homelab",
    revision: state.revision,
    nodes: state.nodes,
    operators: state.operators,
    tokens: [],
    recovery: state.recovery,
    newest: HLC_ZERO,
    departures: () => nodes.flatMap((node) => departureOf(node, state.formerStores)),
    nodeByKey: (key) => nodes.find((node) => node.key === key),
    nodeByName: (name) => nodes.find((node) => node.name === name),
    roleLog: () => undefined,
    holders: (role) => nodes.filter((node) => node.state === "active" && node.roles.has(role)),
    labelsOf: (id) => {
      const prefix = serverLabelPath(id, "");
      const own = [...state.desired.keys()].filter((path) => path.startsWith(prefix));
      return [...own.map((path) => path.slice(prefix.length)), ...(state.nodes.get(id)?.roles ?? [])].sort();
    },
    attributeOf: () => undefined,
    desired: (path) => state.desired.get(path),
    isWritten: (path) => state.written.has(path),
    writesAt: (path) =>
      (state.history.get(path) ?? []).map((write, i) => ({
        ...write,
        standing: i === 0 && state.desired.has(path) ? "current" : "past",
      })),
    desiredUnder: (prefix) =>
      [...state.desired].filter(([path]) => path.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1)),
    mark: { fold: {}, writes: 0 },
    changedSince: () => null,
    conflicts: () => [],
    standing: (path) => {
      if (state.desired.has(path)) return "set";
      return state.written.has(path) ? "removed" : "unwritten";
    },
    othersAt: () => [],
    voids: () => [],
    voidsAt: () => [],
    pending: () => [],
    forks: () => [],
  };
}

function departureOf({ id, name, roles, state }: Node, formerStores: ReadonlySet<string>): Departure[] {
  const common = { id, name, atMs: 0, isKnownTo: () => false };
  if (state === "cut") return [{ ...common, from: "mesh" }];
  return formerStores.has(id) && !roles.has("secret-store") ? [{ ...common, from: "stores" }] : [];
}

/** A homelab with two stores, two web servers and a mail server, and what they may read. */
export async function exampleHomelab(): Promise<Homelab & { readonly by: Record<ExampleName, Machine> }> {
  const homelab = new Homelab();
  const by = {
    "nas-1": await homelab.machine("nas-1"),
    "nas-2": await homelab.machine("nas-2"),
    "web-1": await homelab.machine("web-1", "web"),
    "web-2": await homelab.machine("web-2", "web", "prod"),
    "mail-1": await homelab.machine("mail-1", "mail", "prod"),
    "pi-1": await homelab.machine("pi-1"),
  };
  homelab.role("nas-1", "secret-store");
  homelab.role("nas-2", "secret-store");
  homelab.declare("web", "web/tls", "web/session-key");
  homelab.declare("mail", "mail/dkim");
  homelab.declare("prod", "db/password");
  homelab.declare("*", "dns/zone-key");
  await by["nas-1"].becomeStore();
  await by["nas-2"].becomeStore();
  await homelab.pass(1000);
  return Object.assign(homelab, { by });
}

export type ExampleName = "nas-1" | "nas-2" | "web-1" | "web-2" | "mail-1" | "pi-1";
