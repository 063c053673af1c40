import { MalformedError } from "../core/encoding.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Exchange, ExchangeOutcome, Notice } from "../core/ports/exchange.ts";
import type { Interfaces } from "../core/ports/interfaces.ts";
import type { Link, PeerKey, Standing } from "../core/ports/link.ts";
import { PeerUnreachableError } from "../core/ports/link.ts";
import type { Log } from "../core/ports/log.ts";
import type { ChannelHandler, PeerOpinion, Peers } from "../core/ports/mesh.ts";
import type { Random } from "../core/ports/random.ts";
import { ALARM_AFTER_MS, type Isolation, type MemberVerdict, type Verdicts } from "../core/ports/verdict.ts";
import { AdmissionQueue, type Admit } from "./admission-queue.ts";
import { AntiEntropy } from "./anti-entropy.ts";
import { type MeshCounters, type MeshGauges, noCounts } from "./counters.ts";
import { Dialler } from "./dialler.ts";
import type { Directory, DirectoryMember } from "./directory.ts";
import { Doorstep } from "./doorstep.ts";
import { Farewell } from "./farewell.ts";
import { Gate } from "./gate.ts";
import { decodeGossip, encodeEntries, encodeVerdicts } from "./gossip-message.ts";
import { COMPARE_CHANNEL, ERRAND_CHANNEL, Observer, PROBE_CHANNEL } from "./detector/observer.ts";
import type { Voice } from "./detector/word.ts";
import { Roster } from "./roster.ts";
import { type HangUp, Supervisor } from "./supervisor.ts";
import { within } from "./timing.ts";

const SYNC_CHANNEL = "sync";
const PING_CHANNEL = "ping";

const NOTHING = new Uint8Array(0);

/** What nodes do by themselves, all the time: it keeps no connection open that is there for a question. */
const UPKEEP = new Set([SYNC_CHANNEL, PING_CHANNEL, PROBE_CHANNEL, ERRAND_CHANNEL, COMPARE_CHANNEL]);

export interface MeshOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly exchange: Exchange;
  readonly directory: Directory;
  /** Takes entries that gossip brought from `from`, who need not have made them. Verifies; a throw is only logged. */
  readonly admit: Admit;
  readonly interfaces: Interfaces;
  /** The machine's addresses are not what they were. */
  readonly moved: () => void;
  /** A round with a member that this node began has ended: it has now what that member had. */
  readonly exchanged: (peer: PeerKey) => void;
  /** What a machine is told that was removed; null for any other. */
  readonly noticeFor: (peer: PeerKey) => Notice | null;
  /** By which this node says that it is there, and knows others by. */
  readonly voice: Voice;
  /** After which time a member that is away is an alarm; null: never. Default: {@link ALARM_AFTER_MS} for all. */
  readonly alarmAfterMs?: (member: PeerKey) => number | null;
}

/**
 * The members of one mesh, as one node meets them: keeps connections, knows who is there, passes entries on at once by
 * gossip and surely by anti-entropy, and lets nobody in who does not belong.
 */
export class Mesh implements Peers, Verdicts {
  readonly counters: MeshCounters = noCounts();
  readonly #options: MeshOptions;
  readonly #roster: Roster;
  readonly #gate: Gate;
  readonly #dialler: Dialler;
  readonly #supervisor: Supervisor;
  readonly #observer: Observer;
  readonly #antiEntropy: AntiEntropy;
  readonly #doorstep: Doorstep;
  readonly #farewell: Farewell;
  readonly #admission: AdmissionQueue;
  readonly #listeners = new Set<(opinion: PeerOpinion) => void>();
  readonly #verdictListeners = new Set<(changed: MemberVerdict | null) => void>();
  /** Who is connected, and as what the parts above know it. */
  readonly #connections = new Map<PeerKey, Standing>();
  #state: "new" | "running" | "stopped" = "new";

  constructor(options: MeshOptions) {
    const { link, clock, log, exchange, directory } = options;
    const { self } = link;
    const random = (concern: string) => options.random.fork(`mesh ${concern}`);
    const hangUp = (peer: PeerKey, reason: string, how: HangUp = "at once") => this.#hangUp(peer, reason, how);
    const { counters } = this;
    this.#options = options;

    const roster = new Roster(self, directory);
    const dialler = new Dialler({
      link,
      roster,
      log,
      clock,
      counters,
      failed: (peer, tookMs) => this.#observer.dialFailed(peer, tookMs),
    });
    this.#roster = roster;
    this.#dialler = dialler;
    this.#gate = new Gate(directory, clock, counters);
    this.#doorstep = new Doorstep(clock, hangUp);
    this.#farewell = new Farewell({
      clock,
      log,
      noticeFor: options.noticeFor,
      ask: (peer, body, timeoutMs) => link.request(peer, SYNC_CHANNEL, body, timeoutMs),
    });
    this.#admission = new AdmissionQueue(options.admit, log);
    this.#observer = new Observer({
      self,
      clock,
      random: random("detector"),
      log,
      counters,
      voice: options.voice,
      members: () => roster.keys,
      alarmAfterMs: options.alarmAfterMs ?? (() => ALARM_AFTER_MS),
      ask: (peer, channel, body, timeoutMs) =>
        link.request(peer, channel, body, timeoutMs, channel === COMPARE_CHANNEL ? "any" : "small"),
      isConnected: (peer) => this.#connections.get(peer) === "member",
      broadcast: (words) => link.broadcast(encodeVerdicts(words)),
      dial: (peer) => dialler.dial(peer, "demand"),
      muted: (peer) => hangUp(peer, "does not answer"),
      changed: (opinion) => this.#opinionChanged(opinion),
      verdictChanged: (verdict) => this.#verdictChanged(verdict),
      returned: (peer) => this.#supervisor.retry(peer),
    });
    this.#supervisor = new Supervisor({
      self,
      clock,
      random: random("supervisor"),
      log,
      roster,
      dialler,
      hangUp,
      offline: () => this.#observer.offline,
      notFound: (peers) => this.#observer.notFound(peers),
      jumped: () => this.#observer.askAll(),
      interfaces: options.interfaces,
      moved: options.moved,
    });
    this.#antiEntropy = new AntiEntropy({
      self,
      clock,
      random: random("anti-entropy"),
      log,
      counters,
      exchange,
      exchanged: options.exchanged,
      connected: () => this.connected(),
      ask: async (peer, body, timeoutMs) =>
        link.request(peer, SYNC_CHANNEL, body, await this.#connect(peer, timeoutMs)),
    });
    this.#gate.handle(SYNC_CHANNEL, (_peer, body) => exchange.answer(body));
    this.#gate.handle(PING_CHANNEL, async () => NOTHING);
    this.#gate.handle(PROBE_CHANNEL, (peer, body) => this.#observer.answerProbe(peer, body));
    this.#gate.handle(ERRAND_CHANNEL, (peer, body) => this.#observer.answerErrand(peer, body));
    this.#gate.handle(COMPARE_CHANNEL, (peer, body) => this.#observer.answerCompare(peer, body));
  }

  get self(): PeerKey {
    return this.#options.link.self;
  }

  async start(): Promise<void> {
    if (this.#state !== "new") throw new Error("a mesh starts once");
    this.#state = "running";
    this.#roster.refresh();
    this.#observer.start();
    await this.#options.link.start({
      standing: (peer) => this.#options.directory.standing(peer),
      opened: (peer) => this.#opened(peer),
      closed: (peer) => this.#closed(peer),
      request: (peer, channel, body) => this.#serve(peer, channel, body),
      broadcast: (body, from) => this.#take(body, from),
      discovered: (peer, addresses) => {
        if (this.#roster.noteNearby(peer, addresses)) this.#supervisor.retry(peer);
      },
    });
    this.#antiEntropy.start();
    this.#supervisor.start();
  }

  /** Resolves when nothing of this mesh runs any more. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#supervisor.stop();
    await this.#observer.stop();
    this.#doorstep.stop();
    const quiet = Promise.all([this.#antiEntropy.stop(), this.#admission.stop()]);
    await this.#options.link.stop();
    await quiet;
  }

  async request(peer: PeerKey, channel: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (peer === this.self) return this.#gate.serve(peer, channel, body);
    const leftMs = await this.#connect(peer, timeoutMs);
    return this.#supervisor.using(peer, () => this.#options.link.request(peer, channel, body, leftMs));
  }

  /** A connection to the member, made now if none stands; says which. Throws `PeerUnreachable`. */
  async reach(peer: PeerKey, timeoutMs: number): Promise<"direct" | "dialled"> {
    if (this.#options.link.connected().includes(peer)) return "direct";
    await this.#connect(peer, timeoutMs);
    return "dialled";
  }

  /** Milliseconds until the member's answer to an empty question. Throws as {@link request}. */
  async roundTrip(peer: PeerKey, timeoutMs: number): Promise<number> {
    const { clock } = this.#options;
    const sentMs = clock.monotonic();
    await this.request(peer, PING_CHANNEL, NOTHING, timeoutMs);
    return clock.monotonic() - sentMs;
  }

  opinion(peer: PeerKey): PeerOpinion {
    return this.#observer.opinion(peer);
  }

  remoteAddress(peer: PeerKey): string | null {
    return this.#options.link.remoteAddress(peer);
  }

  /** Of all other members, ascending by key. */
  opinions(): readonly PeerOpinion[] {
    return this.#roster.keys.map((peer) => this.#observer.opinion(peer));
  }

  /** Members that are connected, or were, and have taken this node for a stranger for a while. */
  get strangerTo(): readonly PeerKey[] {
    return this.#antiEntropy.strangerTo.filter((peer) => this.#options.directory.standing(peer) === "member");
  }

  verdict(member: PeerKey): MemberVerdict | null {
    return this.#observer.verdict(member);
  }

  verdicts(): readonly MemberVerdict[] {
    return this.#roster.keys.flatMap((peer) => this.#observer.verdict(peer) ?? []);
  }

  isolation(): Isolation {
    return this.#observer.isolation();
  }

  get revision(): number {
    return this.#observer.revision;
  }

  onVerdictChange(listener: (changed: MemberVerdict | null) => void): () => void {
    this.#verdictListeners.add(listener);
    return () => void this.#verdictListeners.delete(listener);
  }

  /** Called with each opinion that is not what it was: online or not, directly connected or not. */
  onOpinionChange(listener: (opinion: PeerOpinion) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Members that are directly connected. */
  connected(): readonly PeerKey[] {
    return [...this.#connections].filter(([, standing]) => standing === "member").map(([peer]) => peer);
  }

  /** Serves a channel to members. */
  handle(channel: string, handler: ChannelHandler): void {
    this.#gate.handle(channel, handler);
  }

  /** Serves a channel to everybody who can connect, members as well. */
  handleStrangers(channel: string, handler: ChannelHandler): void {
    this.#gate.handleStrangers(channel, handler);
  }

  unhandle(channel: string): void {
    this.#gate.unhandle(channel);
  }

  /** Tells new entries to everybody at once. Best effort: anti-entropy brings what is lost. */
  broadcast(entries: readonly Uint8Array[]): void {
    if (this.#state !== "running") return;
    for (const message of encodeEntries(entries)) {
      this.counters.broadcastsSent++;
      this.#options.link.broadcast(message);
    }
  }

  /** Compares what both sides have, now, and exchanges what is missing. Null if that failed; never throws. */
  catchUp(peer: PeerKey): Promise<ExchangeOutcome | null> {
    return this.#antiEntropy.exchangeWith(peer);
  }

  /** To be called when these members listen elsewhere than before, and all members are the same. */
  addressesChanged(listening: readonly DirectoryMember[]): void {
    if (this.#state !== "running") return;
    for (const peer of this.#roster.update(listening)) this.#supervisor.retry(peer);
  }

  /** To be called whenever the directory answers differently: who is a member, who is refused, who listens where. */
  membershipChanged(): void {
    if (this.#state !== "running") return;
    const arrived = this.#roster.refresh();
    this.#observer.membersChanged();
    for (const [peer, standing] of [...this.#connections]) {
      if (this.#options.directory.standing(peer) === standing) continue;
      this.#closed(peer);
      this.#opened(peer);
    }
    this.#supervisor.membersChanged();
    for (const peer of arrived) this.#supervisor.retry(peer);
  }

  gauges(): MeshGauges {
    return {
      members: this.#roster.keys.length,
      connected: this.connected().length,
      online: this.#roster.keys.filter((peer) => this.#observer.isOnline(peer)).length,
      strangers: this.#doorstep.size,
      dialling: this.#dialler.inFlight.size,
      admitting: this.#admission.waiting,
      admittingBytes: this.#admission.waitingBytes,
    };
  }

  #opened(peer: PeerKey): void {
    if (this.#state !== "running") return;
    const standing = this.#options.directory.standing(peer);
    this.#connections.set(peer, standing);
    const from = this.#options.link.remoteAddress(peer);
    if (from !== null) this.#roster.noteSeen(peer, from);
    switch (standing) {
      case "member":
        this.#observer.opened(peer);
        this.#antiEntropy.opened(peer);
        // Last: it may hang up at once.
        this.#supervisor.opened(peer);
        break;
      case "stranger":
        this.#doorstep.opened(peer);
        break;
      case "removed":
        void this.#farewell.tell(peer).then(() => {
          if (this.#connections.get(peer) === "removed") this.#hangUp(peer, "removed", "at once");
        });
        break;
      case "refused":
        this.#hangUp(peer, "refused", "at once");
        break;
    }
  }

  #closed(peer: PeerKey): void {
    if (this.#state !== "running") return;
    this.#connections.delete(peer);
    this.#supervisor.closed(peer);
    this.#observer.closed(peer);
    this.#doorstep.closed(peer);
    this.#gate.closed(peer);
  }

  async #serve(peer: PeerKey, channel: string, body: Uint8Array): Promise<Uint8Array> {
    if (this.#connections.get(peer) === "member") this.#observer.heard(peer);
    const serve = () => this.#gate.serve(peer, channel, body);
    if (this.#connections.get(peer) === "stranger") return this.#doorstep.serving(peer, serve);
    return UPKEEP.has(channel) ? serve() : this.#supervisor.using(peer, serve);
  }

  /** Resolves once the member is connected, with what is left of the time. */
  async #connect(peer: PeerKey, timeoutMs: number): Promise<number> {
    const { clock, directory, link } = this.#options;
    if (this.#state !== "running") throw new PeerUnreachableError(peer, "this node is not running");
    if (directory.standing(peer) !== "member") throw new PeerUnreachableError(peer, "it is not a member");
    if (link.connected().includes(peer)) return timeoutMs;
    const untilMs = clock.monotonic() + timeoutMs;
    const late = () => new PeerUnreachableError(peer, `no connection within ${timeoutMs} ms`);
    await within(clock, timeoutMs, this.#dialler.dial(peer, "demand"), late);
    return Math.max(1, Math.ceil(untilMs - clock.monotonic()));
  }

  #take(body: Uint8Array, from: PeerKey): "taken" | "malformed" {
    if (this.#state !== "running" || this.#options.directory.standing(from) !== "member") return "taken";
    const message = decodeGossip(body);
    switch (message.kind) {
      case "verdicts":
        return this.#takeVerdicts(message.words, from);
      case "entries":
        this.counters.broadcastsHeard++;
        if (!this.#admission.add(message.entries, from)) this.counters.broadcastsDropped++;
        break;
      case "unknown":
        this.counters.broadcastsDropped++;
        break;
      case "malformed":
        this.counters.broadcastsDropped++;
        return "malformed";
    }
    return "taken";
  }

  #takeVerdicts(words: Uint8Array, from: PeerKey): "taken" | "malformed" {
    try {
      this.#observer.take(words, from);
      return "taken";
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.counters.broadcastsDropped++;
      return "malformed";
    }
  }

  #verdictChanged(changed: MemberVerdict | null): void {
    if (this.#state !== "running") return;
    for (const listener of this.#verdictListeners) listener(changed);
  }

  #opinionChanged(opinion: PeerOpinion): void {
    if (this.#state !== "running") return;
    for (const listener of this.#listeners) listener(opinion);
  }

  #hangUp(peer: PeerKey, reason: string, how: HangUp): void {
    const { log } = this.#options;
    this.counters.hangUps++;
    log.write("debug", "mesh.hang-up", { peer, reason });
    this.#end(peer, how).catch((error: unknown) =>
      log.write("debug", "mesh.hang-up.failed", { peer, detail: String(error) }),
    );
  }

  async #end(peer: PeerKey, how: HangUp): Promise<void> {
    if (how === "told") await this.#observer.partFrom(peer);
    await this.#options.link.hangUp(peer);
  }
}
