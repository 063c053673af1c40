import { NO_CLAIMS } from "../src/core/alarms/claims.ts";
import { fromHex, toHex } from "../src/core/bytes.ts";
import { HLC_MAX_AHEAD_MS } from "../src/core/hlc.ts";
import { joinMessage } from "../src/core/enrolment.ts";
import type { Keys, SealIdentity, Signer } from "../src/core/ports/keys.ts";
import type { PeerKey } from "../src/core/ports/link.ts";
import type { Log } from "../src/core/ports/log.ts";
import type { AlarmNotice, Notifier } from "../src/core/ports/notifier.ts";
import type { Random } from "../src/core/ports/random.ts";
import { encodeReport } from "../src/core/report.ts";
import { Secret } from "../src/core/secret.ts";
import { type KnownBody, RIGHTS } from "../src/crdt/authority/bodies.ts";
import { genesisLog } from "../src/crdt/authority/identifiers.ts";
import { composeAuthority, composeGenesis, composeObserved } from "../src/crdt/compose.ts";
import { type EntryReader, entryReader } from "../src/crdt/entry-reader.ts";
import { AUDIT_RETENTION, type Retention } from "../src/crdt/retention.ts";
import type { Agent } from "../src/node/agent.ts";
import { Acts, type LeftOut, NOTHING_LEFT_OUT, type State, STATES } from "./acts.ts";
import { SimClock, WORLD_BEGINS_MS } from "./clock.ts";
import { Room, SimDisk } from "./disk.ts";
import { History } from "./history.ts";
import { createSimKeys, VerifyMemo } from "./keys.ts";
import { factsOf, Machine } from "./machine.ts";
import { SimNetwork } from "./network.ts";
import { seededRandom } from "./random.ts";
import { readMemo } from "./read-memo.ts";
import { THIS_RELEASE } from "./releases/release.ts";
import { SimOperator } from "./sim-operator.ts";
import { Trace } from "./trace.ts";
import type { LinkWatcher } from "./watched-link.ts";

export interface WorldOptions {
  readonly seed: string;
  /** Honest machines; one that is hostile comes on top. */
  readonly nodes: number;
  /**
   * What machines need not do one by one; slower without, and otherwise the same. Default `shared`.
   * - `shared`: signatures are checked and entries are read once for all
   * - `signatures`: every machine reads for itself, and holds what it has read
   * - `none`: every machine checks every signature as well
   */
  readonly memo?: "shared" | "signatures" | "none";
  /**
   * Whether the mesh has run before, so that every machine knows where all others listen; else they know three of them.
   * Default `strangers`.
   */
  readonly machines?: "acquainted" | "strangers";
  /** Acts that this run does without. */
  readonly leftOut?: LeftOut;
  /** Labels of the member who cheats, which it was given in good faith. Default none. */
  readonly roleOfHostile?: "none" | "store and coordinator";
  /** How long machines keep audit; as everywhere if not said. */
  readonly auditRetention?: Retention;
  /** Called in the moment of each violation. */
  readonly onViolation?: (violation: Violation) => void;
}

/** Something that must never happen. */
export interface Violation {
  /** Which family of checks found it. */
  readonly check: string;
  readonly atSeconds: number;
  readonly detail: string;
}

/** A key, what is sealed to it, and the log that its enrolment opened. */
export interface Member {
  readonly name: string;
  readonly id: string;
  readonly signer: Signer;
  readonly seal: SealIdentity;
  readonly address: string;
}

/** What the hostile side holds: a machine that was enrolled in good faith, and an operator who turned. */
export interface HostileParts {
  readonly member: Member;
  /** Has the right to operate, and signs what no honest writer makes. */
  readonly operator: { readonly signer: Signer; readonly log: Uint8Array };
  /** Has the right to administer below all others, and signs what her rank does not give; null where there is none. */
  readonly administrator: { readonly signer: Signer; readonly log: Uint8Array } | null;
  /** Of the member, if it is a coordinator: these tokens are its to redeem. */
  readonly coordinatorLog: Uint8Array | null;
  readonly tokens: { readonly entry: Uint8Array; state: "unused" | "redeemed" }[];
  /** Whether an honest operator has cut the one who turned. */
  isFound: boolean;
  /** A key that nobody enrolled. */
  readonly stranger: Signer;
  readonly keys: Keys;
  readonly random: Random;
}

/** What a machine told a person. */
export interface SentNotice {
  readonly atSeconds: number;
  /** Name of the machine. */
  readonly from: string;
  readonly notice: AlarmNotice;
}

/** Every machine of a world has this one for routes of alarms. */
export const PROGRAM = "page-me";

const STORES = 2;
const NAMES = ["nas", "web", "db", "pi"] as const;
/** Long enough that no other bytes of a world look like it. */
const MARKER_BYTES = 12;

/**
 * A mesh in one process and in virtual time: machines with the shipped agent on them, two honest operators, and
 * a network that does what it is told. Everything follows from the seed.
 */
export class World {
  readonly clock = new SimClock();
  readonly trace = new Trace();
  readonly history = new History();
  readonly acts: Acts;
  readonly random: Random;
  readonly network: SimNetwork;
  readonly mesh: Uint8Array;
  readonly machines: readonly Machine[];
  readonly #byKey: ReadonlyMap<PeerKey, Machine>;
  readonly #byId: ReadonlyMap<string, Machine>;
  readonly alice: SimOperator;
  readonly bob: SimOperator;
  readonly hostile: HostileParts;
  /** Stands in every secret value of this world and nowhere else. */
  readonly marker: string;
  /** Values that nobody chose, as latin1: they stand nowhere in the clear either. */
  readonly canaries = new Set<string>();
  /** Seals, values and nonces of the operators. */
  readonly keys: Keys;
  /** What people were told, in the order in which they were. */
  readonly notices: SentNotice[] = [];
  /** Names of machines whose ways out fail. */
  readonly deaf = new Set<string>();
  readonly violations: Violation[] = [];
  /** Honest operators in the middle of something. */
  atWork = 0;
  readonly sometimes: Record<string, number> = {};
  /** Log lines of the level `error`, by event. */
  readonly errors: Record<string, number> = {};
  #arrived: ((machine: string, from: PeerKey) => void) | null = null;
  readonly #onViolation: (violation: Violation) => void;
  #troubles = 0;
  #calmMs = Number.NEGATIVE_INFINITY;
  #started: (machine: Machine, agent: Agent) => void = () => undefined;

  private constructor(parts: {
    random: Random;
    network: (clock: SimClock) => SimNetwork;
    marker: string;
    founding: Founding;
    leftOut: LeftOut;
    onViolation: (violation: Violation) => void;
    machines: (world: World) => readonly Machine[];
  }) {
    const { founding } = parts;
    this.acts = new Acts(this.clock, parts.leftOut, () => this.states());
    this.#onViolation = parts.onViolation;
    this.random = parts.random;
    this.marker = parts.marker;
    this.mesh = founding.mesh;
    this.keys = founding.keys;
    this.hostile = founding.hostile;
    this.network = parts.network(this.clock);
    const operator = (name: string, hands: OperatorHands): SimOperator =>
      new SimOperator({
        ...hands,
        name,
        mesh: founding.mesh,
        keys: founding.keys,
        clock: this.clock.clockFor(name),
        history: this.history,
      });
    this.alice = operator("alice", founding.alice);
    this.bob = operator("bob", founding.bob);
    for (const [server, role] of founding.roles) this.history.granted(server, role);
    for (const id of founding.signed) this.history.signed.add(id);
    this.machines = parts.machines(this);
    this.#byKey = new Map(this.machines.map((machine) => [machine.key, machine]));
    this.#byId = new Map(this.machines.map((machine) => [machine.id, machine]));
  }

  /** A world in which every machine is enrolled, and none runs yet. */
  static async create({
    seed,
    nodes,
    memo = "shared",
    leftOut = NOTHING_LEFT_OUT,
    roleOfHostile = "none",
    auditRetention,
    machines = "strangers",
    onViolation = () => undefined,
  }: WorldOptions): Promise<World> {
    if (nodes < STORES + 1) throw new Error(`a world has at least ${STORES + 1} machines`);
    const random = seededRandom(seed);
    const shared = memo === "none" ? null : new VerifyMemo();
    const keysFor = (name: string): Keys => createSimKeys(random.fork(`keys ${name}`), { memo: shared });
    const shares: Shares = { reader: memo !== "shared" ? null : readMemo(keysFor("reader")), room: new Room() };
    const founding = await found(random.fork("founding"), keysFor("operators"), nodes, roleOfHostile);
    const world = new World({
      random,
      network: (clock) => new SimNetwork(clock, random.fork("network")),
      marker: `canary-${toHex(random.fork("marker").bytes(MARKER_BYTES))}`,
      founding,
      leftOut,
      onViolation,
      machines: (self) =>
        founding.members.map((member) => self.#machine(member, keysFor(member.name), founding, shares, auditRetention)),
    });
    const entries = [...founding.entries, ...(machines === "acquainted" ? reportsOf(founding) : [])];
    await world.until(Promise.all(world.machines.map((machine) => machine.settle(entries))));
    return world;
  }

  /** Virtual seconds since the world began. */
  get seconds(): number {
    return this.clock.monotonic() / 1000;
  }

  /** Machines whose agent runs. */
  get running(): readonly Machine[] {
    return this.machines.filter(({ agent }) => agent !== null);
  }

  machineWith(key: PeerKey): Machine | undefined {
    return this.#byKey.get(key);
  }

  /** By hex of its log. */
  machineOf(id: string): Machine | undefined {
    return this.#byId.get(id);
  }

  violated(check: string, detail: string): void {
    const violation = { check, atSeconds: Math.round(this.seconds * 1000) / 1000, detail };
    this.violations.push(violation);
    this.#onViolation(violation);
  }

  /** What a world is in the middle of when something happens to it; see {@link STATES}. */
  states(): readonly State[] {
    const { hostile, machines, network } = this;
    const is: Readonly<Record<State, boolean>> = {
      "somebody is down": this.running.length < machines.length,
      "the mesh is cut": network.cutMs === this.clock.monotonic(),
      "a disk is full": machines.some(({ disk }) => disk.full),
      "a machine is paused": machines.some(({ isPaused }) => isPaused),
      "a clock is wrong": machines.some(({ clock }) => Math.abs(clock.offsetMs) > HLC_MAX_AHEAD_MS),
      "an operator is at work": this.atWork > 0,
      "an operator has been cut": hostile.isFound,
    };
    return STATES.filter((state) => is[state]);
  }

  /** From now on until what is given back is called nobody can expect the network to be kind. */
  trouble(): () => void {
    this.#troubles++;
    return () => {
      this.#troubles--;
      this.#calmMs = this.clock.monotonic();
    };
  }

  /** Until when the network, or a machine, was not what it should be; now, if one still is not. */
  get unkindMs(): number {
    return this.#troubles > 0 ? this.clock.monotonic() : Math.max(this.#calmMs, this.network.cutMs);
  }

  /** Counts that something rare was met: a world in which it never is proves nothing about it. */
  reached(what: string, times = 1): void {
    this.sometimes[what] = (this.sometimes[what] ?? 0) + times;
  }

  /** Lets time pass until a promise is settled. */
  until<T>(promise: Promise<T>): Promise<T> {
    return this.clock.until(promise);
  }

  /** Starts something nobody waits for. What it throws is a violation: agents do not throw. */
  begin(what: string, work: () => Promise<unknown>): void {
    work().catch((error: unknown) => this.violated("no-throw", `${what}: ${describe(error)}`));
  }

  /** Calls `listener` with the name of every machine that something reaches, and from whom. */
  onArrival(listener: (machine: string, from: PeerKey) => void): void {
    this.#arrived = listener;
  }

  /** Calls `listener` with every agent that has started, before anything else happens to it. */
  onStart(listener: (machine: Machine, agent: Agent) => void): void {
    this.#started = listener;
  }

  #machine(
    member: Member,
    keys: Keys,
    founding: Founding,
    { reader, room }: Shares,
    retention: Retention = AUDIT_RETENTION,
  ): Machine {
    const { name } = member;
    const random = this.random.fork(`machine ${name}`);
    return new Machine({
      ...member,
      mesh: this.mesh,
      network: this.network,
      clock: this.clock.clockFor(name),
      random,
      keys,
      reader: reader ?? entryReader(keys),
      // By the machine's own clock: it hears nothing of its disk either while it is paused.
      disk: new SimDisk({ random: random.fork("disk"), clock: this.clock.clockFor(name), room }),
      log: this.#log(name),
      notifier: this.#notifier(name),
      machineKey: new Secret(random.fork("machine key").bytes(32)),
      bootstrap: founding.bootstrap,
      watcher: this.watcher(name),
      retention,
      worldMs: () => this.clock.monotonic(),
      started: (machine, agent) => this.#watch(machine, agent),
    });
  }

  watcher(name: string): LinkWatcher {
    const needle = Buffer.from(this.marker);
    return {
      arrived: (kind, from, body) => {
        this.trace.note(this.clock.monotonic(), name, kind, body, from);
        this.#arrived?.(name, from);
      },
      left: (body) => {
        const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
        if (bytes.includes(needle) || [...this.canaries].some((canary) => bytes.includes(canary, 0, "latin1"))) {
          this.violated("secrets", `${name} sent a value of a secret in the clear`);
        }
      },
    };
  }

  #watch(machine: Machine, agent: Agent): void {
    this.#started(machine, agent);
    agent.replica.onGrowth(({ entries, source }) => {
      const kind = `admitted ${source}`;
      for (const { hash } of entries) this.trace.note(this.clock.monotonic(), machine.name, kind, hash);
    });
    agent.watch(({ event }) => {
      if (event !== "growth") this.trace.note(this.clock.monotonic(), machine.name, event, new Uint8Array(0));
    });
  }

  #notifier(from: string): Notifier {
    return {
      programs: async () => [PROGRAM],
      send: async (_, notice) => {
        if (this.deaf.has(from)) throw new Error("nobody takes it");
        const { state, alarm } = notice;
        this.notices.push({ atSeconds: this.seconds, from, notice });
        this.trace.note(this.clock.monotonic(), from, `notice ${state} ${alarm.id}`, new Uint8Array(0));
      },
    };
  }

  #log(name: string): Log {
    return {
      write: (level, event, facts = {}) => {
        if (level !== "error") return;
        this.errors[event] = (this.errors[event] ?? 0) + 1;
        const liar = toHex(this.hostile.member.signer.publicKey);
        if (event === "mesh.sync.diverged" && facts.peer !== liar) {
          this.violated("convergence", `${name} finds an honest peer that makes other things of the same entries`);
        }
        if (describe(facts.error).includes(this.marker))
          this.violated("secrets", `a value stands in the log: ${event}`);
      },
    };
  }
}

/** What is the same for all machines of a world, and need not be there once for each. */
interface Shares {
  /** Null: each of them reads for itself. */
  readonly reader: EntryReader | null;
  readonly room: Room;
}

interface OperatorHands {
  readonly signer: Signer;
  readonly log: Uint8Array;
}

interface Founding {
  readonly mesh: Uint8Array;
  readonly entries: readonly Uint8Array[];
  readonly signed: readonly string[];
  readonly keys: Keys;
  readonly members: readonly Member[];
  readonly alice: OperatorHands;
  readonly bob: OperatorHands;
  readonly hostile: HostileParts;
  /** Server id and role label. */
  readonly roles: readonly (readonly [server: string, role: string])[];
  readonly bootstrap: readonly { readonly key: string; readonly addresses: readonly string[] }[];
}

/** What each machine said of itself when it ran before. */
function reportsOf({ keys, members, mesh }: Founding): Uint8Array[] {
  return members.map(({ id, address, signer }) => {
    const alarms = { ...NO_CLAIMS, programs: [PROGRAM] };
    const report = { ...factsOf(THIS_RELEASE), addresses: [address], roles: [], alarms };
    const position = { mesh, log: fromHex(id) as Uint8Array, seq: 1, hlc: { ms: WORLD_BEGINS_MS, count: 0 } };
    return composeObserved(keys, position, encodeReport(report), signer).bytes;
  });
}

/** Genesis by alice, a second operator, every machine enrolled, a coordinator and two stores. */
async function found(
  random: Random,
  keys: Keys,
  nodes: number,
  roleOfHostile: WorldOptions["roleOfHostile"],
): Promise<Founding> {
  const key = (): Signer => keys.signer(new Secret(random.bytes(32)));
  const [root, alice, bob, mallory, stranger] = [key(), key(), key(), key(), key()];
  const recovery = await keys.createSealIdentity();
  const at = 0;
  const genesis = composeGenesis(
    keys,
    {
      type: "genesis",
      name: "homelab",
      root: { keys: [root.publicKey], k: 1 },
      founders: [{ key: alice.publicKey, name: "alice", rights: RIGHTS, need: { admin: 1, destroy: 1 } }],
      recovery: recovery.recipient,
      nonce: random.bytes(32),
      at,
    },
    [root, alice],
  );
  const mesh = genesis.hash;
  const log = genesisLog(keys, mesh, alice.publicKey);
  const entries = [genesis];
  const act = (body: KnownBody): Uint8Array => {
    const parents = [entries.at(-1)?.hash ?? mesh];
    const entry = composeAuthority(keys, { mesh, log, parents }, body, alice);
    entries.push(entry);
    return entry.hash;
  };
  const enrol = async (name: string, index: number): Promise<Member> => {
    const [signer, seal] = [key(), await keys.createSealIdentity()];
    const proof = signer.sign(joinMessage(mesh, signer.publicKey, seal.recipient));
    const id = act({ type: "enrol", name, key: signer.publicKey, seal: seal.recipient, proof, at });
    return { name, id: toHex(id), signer, seal, address: `10.0.${index >> 8}.${index & 255}:7444` };
  };
  const members: Member[] = [];
  for (let i = 0; i < nodes; i++) {
    members.push(await enrol(`${NAMES[i % NAMES.length]}-${1 + Math.floor(i / NAMES.length)}`, i));
  }
  const member = await enrol("mole-1", nodes);
  const need = { admin: 1, destroy: 1 };
  const bobLog = act({ type: "grant", key: bob.publicKey, name: "bob", rank: 2, rights: ["admin", "ops"], need, at });
  const malloryGrant = { key: mallory.publicKey, name: "mallory", rank: 3, rights: ["ops"], need, at } as const;
  const malloryLog = act({ type: "grant", ...malloryGrant });
  const roles: [string, string][] = [];
  for (const [i, { id }] of members.slice(0, 1 + STORES).entries()) {
    roles.push([id, i === 0 ? "coordinator" : "secret-store"]);
  }
  for (const [id, label] of roles) act({ type: "role", node: Buffer.from(id, "hex"), label, at });
  const trudy = key();
  const trudyGrant = { key: trudy.publicKey, name: "trudy", rank: 3, rights: ["admin"], need, at } as const;
  const isTrusted = roleOfHostile !== "none";
  const administrator = isTrusted ? { signer: trudy, log: act({ type: "grant", ...trudyGrant }) } : null;
  const coordinatorLog = isTrusted ? giveRoles() : null;
  const tokens = coordinatorLog === null ? [] : [makeToken(coordinatorLog), makeToken(coordinatorLog)];

  function giveRoles(): Uint8Array {
    const node = Buffer.from(member.id, "hex");
    for (const label of ["secret-store", "coordinator"]) roles.push([member.id, label]);
    act({ type: "role", node, label: "secret-store", at });
    return act({ type: "role", node, label: "coordinator", at });
  }

  function makeToken(issuer: Uint8Array): HostileParts["tokens"][number] {
    const [id, secretHash] = [random.bytes(16), random.bytes(32)];
    const token = { id, secretHash, name: null, labels: [], attributes: {}, roles: [], issuer };
    return { entry: act({ type: "token", ...token, nbf: at, exp: Number.MAX_SAFE_INTEGER, at }), state: "unused" };
  }
  return {
    mesh,
    entries: entries.map(({ bytes }) => bytes),
    signed: entries.map(({ id }) => id),
    keys,
    members,
    alice: { signer: alice, log },
    bob: { signer: bob, log: bobLog },
    hostile: {
      member,
      operator: { signer: mallory, log: malloryLog },
      administrator,
      coordinatorLog,
      tokens,
      isFound: false,
      stranger,
      keys,
      random: random.fork("hostile"),
    },
    roles,
    bootstrap: members
      .slice(0, 3)
      .map(({ signer, address }) => ({ key: toHex(signer.publicKey), addresses: [address] })),
  };
}

export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
