import { ascii, fromHex, toBase64Url, toHex } from "../src/core/bytes.ts";
import { encode } from "../src/core/encoding.ts";
import { LabError } from "../src/core/errors.ts";
import { ENROL_CHANNEL } from "../src/core/enrolment.ts";
import type { Hlc } from "../src/core/hlc.ts";
import { serverLabelPath } from "../src/core/paths.ts";
import type { Signer } from "../src/core/ports/keys.ts";
import type { Link, LinkEvents } from "../src/core/ports/link.ts";
import type { Random } from "../src/core/ports/random.ts";
import { Secret } from "../src/core/secret.ts";
import {
  decodeGetAnswer,
  encodeGetRequest,
  encodeListRequest,
  FETCH_CHANNEL,
  GET_CHANNEL,
  LIST_CHANNEL,
  PUT_CHANNEL,
} from "../src/core/secrets/messages.ts";
import { encodeEnvelope, sealEnvelope } from "../src/core/secrets/envelope.ts";
import { SECRET_STORE, storeRecipients } from "../src/core/policy/entitlement.ts";
import { COMMITMENT_NONCE_BYTES, currentVersions, STORE_CLASS } from "../src/core/secrets/version.ts";
import type { KnownBody } from "../src/crdt/authority/bodies.ts";
import { composeAuthority, composeLink, composeObserved } from "../src/crdt/compose.ts";
import { CLASS_AUDIT, CLASS_DESIRED, type ChainHeader, type Entry } from "../src/crdt/entry/entry.ts";
import { DocumentCursor } from "../src/crdt/ledger/document-cursor.ts";
import type { LedgerWrite } from "../src/crdt/ledger/update-codec.ts";
import type { Replica } from "../src/crdt/replica.ts";
import { decodeErrand, encodeErrandAnswer } from "../src/mesh/detector/message.ts";
import { ERRAND_CHANNEL, PROBE_CHANNEL } from "../src/mesh/detector/observer.ts";
import { createVoice, type OwnWord, packWords, type Word } from "../src/mesh/detector/word.ts";
import { encodeEntries, encodeVerdicts } from "../src/mesh/gossip-message.ts";
import { wasEverEntitled } from "./checkers/secrets.ts";
import { type Attack, type AttackSite, signedByTurned } from "./byzantine/attack.ts";
import { ATTACKS } from "./byzantine/catalogue.ts";
import { FalseStore } from "./byzantine/false-store.ts";
import { TurnedLedger } from "./byzantine/turned-ledger.ts";
import { namesOf } from "./faults/fault.ts";
import { hostileUpdates } from "./hostile-updates.ts";
import type { Machine } from "./machine.ts";
import { describe, type World, type WorldOptions } from "./world.ts";

const ACT_EVERY_MS = 4_000;
const TIMEOUT_MS = 10_000;
const ATTACK_EVERY_MS = 6_000;
const MOST_HEARD = 200;
const NOTHING = new Uint8Array(0);

/** How it answers what is asked of it. */
const MANNERS = ["refuses", "talks nonsense", "lies in exchanges", "withholds", "gives forged entries"] as const;
type Manner = (typeof MANNERS)[number];

/** Labels that nobody honest gives to the machine that acts here. */
const STOLEN_LABEL = "db";
const STOLEN_ROLE = SECRET_STORE;

/**
 * One member who cheats, with a node key that was enrolled in good faith, the key of an operator who turned, and a key
 * that nobody knows. It runs no agent: it speaks on its own link, and it is given for free what it would have to spy
 * out, namely everything that one honest machine knows.
 */
export class Hostile {
  readonly #world: World;
  readonly #random: Random;
  readonly #link: Link;
  readonly #stranger: Link;
  #state: "new" | "active" | "ended" = "new";
  readonly #ledger: TurnedLedger;
  readonly #store: FalseStore | null;
  /** What others said to everybody, oldest first. */
  readonly #heard: Uint8Array[] = [];
  #manner: Manner = "refuses";

  constructor(world: World, role: WorldOptions["roleOfHostile"]) {
    const { keys, mesh } = world;
    const { member, operator, random, stranger } = world.hostile;
    this.#ledger = new TurnedLedger({ keys, mesh, ...operator });
    this.#store = role === "none" ? null : new FalseStore(world, random.fork("store"));
    this.#world = world;
    this.#random = random;
    this.#link = world.network.createLink(toHex(member.signer.publicKey), member.address);
    this.#stranger = world.network.createLink(toHex(stranger.publicKey), "10.66.0.1:7444");
  }

  async start(): Promise<void> {
    this.#state = "active";
    await this.#link.start(this.#events());
    await this.#stranger.start({ ...this.#events(), request: () => Promise.reject(new Error("no")) });
    this.#next();
    const random = this.#random.fork("attacks");
    this.#nextAttack(
      random,
      ATTACKS.map((attack) => this.#siteOf(attack)),
    );
  }

  #nextAttack(random: Random, sites: readonly AttackSite[]): void {
    this.#world.clock.after(ATTACK_EVERY_MS / 2 + random.below(ATTACK_EVERY_MS), () => {
      if (this.#state === "ended") return;
      const which = random.below(ATTACKS.length);
      const [attack, site, machine] = [ATTACKS[which], sites[which], this.#pick(() => true, random)];
      // Not waited for: who is attacked may never answer.
      if (attack && site && machine)
        attack.attack(site, machine).catch((error: unknown) => this.#failed(attack, error));
      this.#nextAttack(random, sites);
    });
  }

  /** A machine that refuses, or is gone, is as it should be; anything else is a mistake of the attack's own. */
  #failed({ kind }: Attack, error: unknown): void {
    if (error instanceof LabError) return;
    this.#world.violated("no-throw", `${kind}: ${describe(error)}`);
  }

  #siteOf({ kind }: Attack): AttackSite {
    const dialled = async (machine: Machine) => this.#link.dial(machine.key, [machine.address], TIMEOUT_MS);
    return {
      world: this.#world,
      random: this.#random.fork(`attack ${kind}`),
      link: this.#link,
      ledger: this.#ledger,
      heard: this.#heard,
      take: (who = []) => this.#take(kind, who),
      give: async (machine, entries) => {
        await dialled(machine).catch(() => undefined);
        await this.#ask(machine, this.#link, "sync", encode({ q: "give", entries: entries.map(({ bytes }) => bytes) }));
      },
      ask: async (machine, channel, body) => {
        await dialled(machine).catch(() => undefined);
        return this.#ask(machine, this.#link, channel, body);
      },
    };
  }

  /** It does not act any more; as a member it stays. */
  end(): void {
    this.#state = "ended";
  }

  #events(): LinkEvents {
    return {
      standing: () => "member",
      opened: () => undefined,
      closed: () => undefined,
      request: (peer, channel, body) => this.#answer(peer, channel, body),
      broadcast: (body) => {
        this.#heard.push(body);
        if (this.#heard.length > MOST_HEARD) this.#heard.shift();
        return "taken";
      },
      discovered: () => undefined,
    };
  }

  #next(): void {
    this.#world.clock.after(ACT_EVERY_MS / 2 + this.#random.below(ACT_EVERY_MS), () => {
      if (this.#state === "ended") return;
      void this.#act();
      this.#next();
    });
  }

  /** Probes are answered, so that it stays a neighbour; all else in the manner of the moment. */
  async #answer(peer: string, channel: string, body: Uint8Array): Promise<Uint8Array> {
    if (channel === PROBE_CHANNEL) return NOTHING;
    if (channel === ERRAND_CHANNEL) return this.#vouch(body);
    const served = await this.#store?.answer(channel, peer, body);
    if (served) return served;
    const machine = this.#world.machines.find(({ key }) => key === peer);
    const state = machine?.agent?.replica.stateHash() ?? NOTHING;
    switch (this.#manner) {
      case "refuses":
        throw new Error("no");
      case "talks nonsense":
        return this.#random.bytes(100);
      case "lies in exchanges":
        // "Everything is as with you", which it is not.
        return encode({ root: this.#random.bytes(32), state });
      case "withholds":
        // It says that there is more, and never gives it.
        return encode({ root: this.#random.bytes(32), state, node: { items: [] }, nodes: [], entries: [], more: true });
      case "gives forged entries":
        return encode({ entries: [this.#random.bytes(300), ...this.#forged(machine).map(({ bytes }) => bytes)] });
    }
  }

  /** It hears the dead, and nobody who lives. */
  #vouch(body: Uint8Array): Uint8Array {
    const { machines } = this.#world;
    const { member } = decodeErrand(body, (prefix) => machines.find(({ key }) => key.startsWith(prefix))?.key);
    const isDown = machines.find(({ key }) => key === member)?.isDown === true;
    return encodeErrandAnswer({ outcome: isDown ? "answers" : "silent", words: [] });
  }

  #changeManner(): void {
    const manner = MANNERS[this.#random.below(MANNERS.length)] ?? "refuses";
    if (manner !== this.#manner && this.#take(manner)) this.#manner = manner;
  }

  async #act(): Promise<void> {
    const machine = this.#pick();
    const agent = machine?.agent;
    if (machine === undefined || !agent) return;
    try {
      await this.#link.dial(machine.key, [machine.address], TIMEOUT_MS);
      // A version that no store has a value of is an opportunity.
      const isOpen = currentVersions(agent.view()).some(({ version }) => !this.#world.history.delivered.has(version));
      if (isOpen && this.#random.below(3) > 0) return await this.#deliver(machine);
      this.#lieAboutWhoIsThere();
      this.#changeManner();
      switch (this.#random.below(6)) {
        case 0:
        case 1:
          return await this.#spread(machine, "forged entries", this.#forged(machine));
        case 2:
          return await this.#spread(machine, "hostile updates", this.#hostileUpdates(agent.replica));
        case 3:
          return await this.#askStore(this.#link, "a member asks for secrets");
        case 4:
          await this.#stranger.dial(machine.key, [machine.address], TIMEOUT_MS);
          return await this.#knock(machine);
        default:
          return await this.#deliver(machine);
      }
    } catch {
      // Refused, cut off, or the machine is down: as it should be.
    }
  }

  /** Keeps the dead alive, and says goodbye for the living. */
  #lieAboutWhoIsThere(): void {
    if (!this.#take("lies about who is there")) return;
    const { clock, hostile, keys, machines, mesh } = this.#world;
    const voice = createVoice(keys, mesh, hostile.member.signer);
    const words = machines.map(({ key, isDown }): Word => {
      const own: OwnWord = isDown ? "alive" : "left";
      // Greater than any that a clock gives.
      const incarnation = 2 * clock.now();
      return { member: key, incarnation, status: own, accusers: [], signature: voice.sign(own, incarnation) };
    });
    this.#link.broadcast(encodeVerdicts(packWords(words)));
  }

  #take(kind: string, who: readonly Machine[] = []): boolean {
    return this.#world.acts.take("byzantine", kind, namesOf(who));
  }

  #pick(fits: (machine: Machine) => boolean = () => true, random = this.#random): Machine | undefined {
    const running = this.#world.running.filter(fits);
    return running.length === 0 ? undefined : running[random.below(running.length)];
  }

  /** To everybody by gossip, and to one machine by each door that takes entries. */
  async #spread(machine: Machine, kind: string, entries: readonly Entry[]): Promise<void> {
    if (!this.#take(kind, [machine])) return;
    const bytes = entries.map((entry) => entry.bytes);
    for (const one of bytes) for (const message of encodeEntries([one])) this.#link.broadcast(message);
    for (const one of bytes) await this.#ask(machine, this.#link, "sync", encode({ q: "give", entries: [one] }));
    const input = { entries: bytes.map(toBase64Url) };
    await this.#ask(machine, this.#link, "api", encode({ v: 1, operation: "entry.submit", input }));
  }

  /** Entries that look right but for one thing each. */
  #forged(machine: Machine | undefined): Entry[] {
    const replica = machine?.agent?.replica;
    if (replica === undefined) return [];
    const { alice, bob, clock, hostile, keys, mesh } = this.#world;
    const { member, operator } = hostile;
    const own = unhex(member.id);
    const victim = this.#random.below(2) === 0 ? alice : bob;
    const at = clock.now();
    const parents = replica.graph.tips.map(({ entry }) => entry.hash);
    const authority = (log: Uint8Array, body: KnownBody, signer: Signer): Entry =>
      composeAuthority(keys, { mesh, log, parents }, body, signer);
    const selfRole: KnownBody = { type: "role", node: own, label: STOLEN_ROLE, at };
    const promote: KnownBody = {
      type: "grant",
      key: member.signer.publicKey,
      name: "mole",
      rank: 1,
      rights: ["admin", "ops", "destroy"],
      need: { admin: 1, destroy: 1 },
      at,
    };
    const label: LedgerWrite = { path: serverLabelPath(member.id, STOLEN_LABEL), value: true, over: [] };
    const victimLog = unhex(victim.log);
    return [
      // Its own log is a node's: no authority, no desired state.
      authority(own, selfRole, member.signer),
      this.#write(replica, own, member.signer, label, "first"),
      // The log of an operator, with its own key.
      authority(victimLog, selfRole, member.signer),
      this.#write(replica, victimLog, member.signer, label, "next"),
      // The operator's key in the header, its own signature.
      authority(victimLog, promote, pretending(member.signer, victim.signer.publicKey)),
      this.#write(replica, victimLog, pretending(member.signer, victim.signer.publicKey), label, "next"),
      // An operator without the right to administer.
      authority(operator.log, selfRole, operator.signer),
      authority(operator.log, promote, operator.signer),
      // A report in the name of another machine.
      this.#report(machine as Machine, replica),
    ];
  }

  /** A desired write that continues the chain of a log. */
  #write(replica: Replica, log: Uint8Array, signer: Signer, write: LedgerWrite, place: "first" | "next"): Entry {
    const { clock, keys, mesh } = this.#world;
    const chain = place === "next" ? replica.chain(toHex(log), CLASS_DESIRED) : undefined;
    const last = chain?.main.at(-1)?.entry;
    const head = last === undefined ? null : { seq: last.header.seq, hash: last.hash };
    const cursor = chain?.documentAt(chain.main.at(-1) ?? null) ?? new DocumentCursor(keys, log);
    const hlc: Hlc = { ms: Math.max(clock.now(), (last?.header.hlc.ms ?? 0) + 1), count: 0 };
    const position = { mesh, log, class: CLASS_DESIRED, head, hlc, seen: this.#random.bytes(32), more: 0 };
    return composeLink(keys, position, cursor.encode([write], hlc), signer);
  }

  #report(machine: Machine, replica: Replica): Entry {
    const { keys, mesh, hostile } = this.#world;
    const known = replica.observed.get(machine.id);
    const seq = known?.state === "record" ? known.entry.header.seq + 1 : 1;
    const position = { mesh, log: unhex(machine.id), seq, hlc: { ms: this.#world.clock.now(), count: 0 } };
    return composeObserved(keys, position, encode({ v: 1, addresses: ["10.66.0.1:7444"] }), hostile.member.signer);
  }

  /** What the operator who turned signs: good signatures over updates that no honest writer makes. */
  #hostileUpdates(replica: Replica): Entry[] {
    const { clock, hostile, keys, mesh } = this.#world;
    const { log, signer } = hostile.operator;
    const hlc: Hlc = { ms: clock.now(), count: 0 };
    const position = { mesh, log, class: CLASS_DESIRED, head: null, hlc, seen: this.#random.bytes(32), more: 0 };
    const entry = this.#firstOfLedger();
    const cursor = this.#ledger.cursorAt([entry]);
    const head = { seq: 1, hash: entry.hash };
    // Bad ones chain to nothing: each stands beside the others as the second entry of the log.
    const updates = hostileUpdates(cursor, hlc, serverLabelPath(hostile.member.id, STOLEN_LABEL));
    const own = unhex(hostile.member.id);
    const wrongClass = { ...position, log: own, class: CLASS_AUDIT + 40, hlc };
    return [
      ...(replica.chain(toHex(log), CLASS_DESIRED) === undefined ? [entry] : []),
      ...updates.map((payload) => composeLink(keys, { ...position, head }, payload, signer)),
      composeLink(keys, wrongClass, ascii("what is this"), hostile.member.signer),
    ];
  }

  /** The one update of that operator that is as it should be, about a label that means nothing. */
  #firstOfLedger(): Entry<ChainHeader> {
    const known = this.#ledger.branches[0]?.[0];
    if (known !== undefined) return known;
    const branch = this.#ledger.extend([], { ms: this.#world.clock.now(), count: 0 }, "label/meaningless", {});
    this.#ledger.branches.push(branch);
    signedByTurned(this.#world, branch);
    return branch[0] as Entry<ChainHeader>;
  }

  async #askForSecrets(machine: Machine, link: Link, kind: string): Promise<void> {
    const agent = machine.agent;
    if (agent === null || !this.#take(kind, [machine])) return;
    const { authority, desired } = agent.heads();
    await this.#ask(machine, link, LIST_CHANNEL, encodeListRequest({ after: null }));
    for (const { path, version } of currentVersions(agent.view())) {
      const answer = await this.#ask(machine, link, GET_CHANNEL, encodeGetRequest({ path, authority, desired }));
      await this.#tryToOpen(path, answer);
      const fetched = await this.#ask(machine, link, FETCH_CHANNEL, encode({ v: 1, path, version }));
      // Stores fill each other.
      if (fetched !== null && this.#store === null)
        this.#world.violated("secrets", `${machine.name} gave an envelope of ${path} to a member`);
    }
  }

  async #tryToOpen(path: string, answer: Uint8Array | null): Promise<void> {
    if (answer === null) return;
    const given = decodeGetAnswer(answer);
    if (given.state !== "value") return;
    const opened = await this.#world.keys.open(this.#world.hostile.member.seal, given.sealed);
    if (opened === null) return;
    if (wasEverEntitled(this.#world, this.#world.hostile.member.id, path))
      this.#world.reached("a rightful reader reads");
    else this.#world.violated("secrets", `the value of ${path} was served to a machine without the label`);
  }

  /** Whoever is no member reaches enrolment and nothing else. */
  async #knock(machine: Machine): Promise<void> {
    if (!this.#take("a stranger knocks", [machine])) return;
    const root = encode({ q: "root", root: this.#random.bytes(32), state: this.#random.bytes(32) });
    if ((await this.#ask(machine, this.#stranger, "sync", root)) !== null) {
      this.#world.violated("unauthorised", `${machine.name} exchanges entries with a stranger`);
    }
    const operation = encode({ v: 1, operation: "server.list", input: {} });
    if ((await this.#ask(machine, this.#stranger, "api", operation)) !== null) {
      this.#world.violated("unauthorised", `${machine.name} answers questions of a stranger`);
    }
    await this.#ask(machine, this.#stranger, ENROL_CHANNEL, this.#random.bytes(60));
    await this.#askStore(this.#stranger, "a stranger asks for secrets");
  }

  /** Only stores have an answer. */
  async #askStore(link: Link, kind: string): Promise<void> {
    const store = this.#pick((machine) => this.#world.history.rolesOf(machine.id).has(SECRET_STORE));
    if (store === undefined) return;
    await link.dial(store.key, [store.address], TIMEOUT_MS);
    await this.#askForSecrets(store, link, kind);
  }

  /** Envelopes of its own making in the place of values: one that is none, and one that is sealed as it should be. */
  async #deliver(machine: Machine): Promise<void> {
    const view = machine.agent?.view();
    if (view === undefined || !this.#take("false envelopes", [machine])) return;
    const { keys, mesh } = this.#world;
    for (const { path, version } of currentVersions(view)) {
      const junk = encode({ v: 1, path, version, class: STORE_CLASS, junk: this.#random.bytes(40) });
      await this.#ask(machine, this.#link, PUT_CHANNEL, junk);
      const committed = {
        nonce: this.#random.bytes(COMMITMENT_NONCE_BYTES),
        value: new Secret(this.#random.bytes(20)),
      };
      const subject = { path, version, class: STORE_CLASS };
      const tools = { keys, random: this.#random };
      const envelope = await sealEnvelope(tools, mesh, subject, committed, storeRecipients(view));
      for (const store of view.holders(SECRET_STORE)) {
        const target = this.#world.machines.find(({ key }) => key === store.key);
        if (target !== undefined) await this.#reach(target, PUT_CHANNEL, encodeEnvelope(envelope));
      }
    }
  }

  async #reach(machine: Machine, channel: string, body: Uint8Array): Promise<void> {
    await this.#link.dial(machine.key, [machine.address], TIMEOUT_MS);
    await this.#ask(machine, this.#link, channel, body);
  }

  async #ask(machine: Machine, link: Link, channel: string, body: Uint8Array): Promise<Uint8Array | null> {
    try {
      return await link.request(machine.key, channel, body, TIMEOUT_MS);
    } catch {
      return null;
    }
  }
}

/** Somebody's key in the header, and one's own hand on the pen. */
function pretending(signer: Signer, publicKey: Uint8Array): Signer {
  return { publicKey, sign: (message) => signer.sign(message) };
}

function unhex(text: string): Uint8Array {
  return fromHex(text) as Uint8Array;
}
