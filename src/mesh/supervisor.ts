import type { Clock, Timer } from "../core/ports/clock.ts";
import type { Interfaces } from "../core/ports/interfaces.ts";
import type { PeerKey } from "../core/ports/link.ts";
import type { Log } from "../core/ports/log.ts";
import type { Random } from "../core/ports/random.ts";
import { BackOff } from "./back-off.ts";
import { planDegree, ringNeighbours } from "./degree.ts";
import type { Dialler, DialReason } from "./dialler.ts";
import type { Roster } from "./roster.ts";
import { around, Timers } from "./timing.ts";

/** How often the plan is compared with what stands, and how often where they are the same. */
const REVIEW_MS = 1_000;
const SETTLED_REVIEW_MS = 4_000;

/** How soon after an event, so that events which come together are looked at together. */
const SOON_MS = 50;

/** Nodes that get power at the same instant do not dial at the same instant. */
const START_SPREAD_MS = 500;

/** A connection that ends sooner was refused by the other side; dialling again at once would be refused again. */
const PROVEN_MS = 10_000;

/** A connection for one question is kept this long after the last one. */
const IDLE_MS = 60_000;

const MAX_CONNECTIONS = 32;

/** After this long a newcomer has had an exchange, which begins within a second or so. */
const SHOWN_AROUND_MS = 5_000;

/**
 * Between looks at one random lost member, off its back-off: a healed partition is noticed in seconds, however long it
 * lasted. All nodes that see each other share this work, so that a fleet does not hammer at one dead machine.
 */
const PROBE_MS = 3_000;
const PROBES_SHARED_BY = 5;

/** A wall clock that moved this much against the monotonic one was set, or the machine slept. */
const CLOCK_JUMP_MS = 2_000;

/** A review that comes this late: the process was stopped, or the machine slept. */
const LATE_MS = 5_000;

interface Contact {
  readonly origin: DialReason | "inbound";
  readonly openedMs: number;
  usedMs: number;
  /** Questions that wait for their answer. */
  asking: number;
  /** `ending`: the other end is told, then this one hangs up. */
  state: "standing" | "ending";
}

/**
 * - `told`: the other end hears of it before, so that it does not take this for a machine that is lost
 * - `at once`: nothing was said yet over that connection, or nothing can be
 */
export type HangUp = "told" | "at once";

export interface SupervisorParts {
  readonly self: PeerKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly roster: Roster;
  readonly dialler: Dialler;
  hangUp(peer: PeerKey, reason: string, how: HangUp): void;
  /** Of all others somebody has heard within the last moments. In no order. */
  offline(): readonly PeerKey[];
  /** They are not connected, and nobody has ever said where they listen. */
  notFound(peers: readonly PeerKey[]): void;
  readonly interfaces: Interfaces;
  /** Time has jumped, or the machine has moved: whatever stood may be dead. */
  jumped(): void;
  /** The machine's addresses are not what they were. */
  moved(): void;
}

/**
 * Keeps the connections that the plan wants, for ever. The transport's own reconnecting forgets a peer half a minute
 * after it was lost; this one never does.
 */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #timers: Timers;
  readonly #backOffs = new Map<PeerKey, BackOff>();
  readonly #contacts = new Map<PeerKey, Contact>();
  #next: { readonly timer: Timer; readonly atMs: number } | null = null;
  #state: "new" | "running" | "stopped" = "new";
  #probeAtMs = 0;
  #clockOffsetMs = 0;
  #place = "";

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
  }

  start(): void {
    const { clock, random } = this.#parts;
    this.#state = "running";
    this.#clockOffsetMs = clock.now() - clock.monotonic();
    this.#place = placeOf(this.#parts.interfaces);
    this.#probeAtMs = clock.monotonic() + around(random, PROBE_MS, 0.5);
    this.#reviewIn(random.below(START_SPREAD_MS));
  }

  stop(): void {
    this.#state = "stopped";
    this.#timers.stop();
  }

  /** A member is connected, whoever dialled. */
  opened(peer: PeerKey): void {
    const { clock, dialler, roster, self } = this.#parts;
    const nowMs = clock.monotonic();
    const origin = dialler.inFlight.get(peer)?.reason ?? "inbound";
    this.#contacts.set(peer, { origin, openedMs: nowMs, usedMs: nowMs, asking: 0, state: "standing" });
    if (origin !== "inbound" || this.#standing <= MAX_CONNECTIONS) return;
    const neighbours = ringNeighbours(self, roster.keys);
    if (neighbours.has(peer)) return;
    const other = this.#longestHere(neighbours);
    if (other !== undefined) this.#end(other, "too many connections");
    else this.#parts.hangUp(peer, "too many connections", "at once");
  }

  get #standing(): number {
    let count = 0;
    for (const { state } of this.#contacts.values()) if (state === "standing") count++;
    return count;
  }

  #end(peer: PeerKey, reason: string): void {
    const contact = this.#contacts.get(peer);
    if (contact !== undefined) contact.state = "ending";
    this.#parts.hangUp(peer, reason, "told");
  }

  /**
   * Who makes room for somebody new: it has learned from here where the others are. Whoever is turned away at once
   * knows nobody, and of a mesh that starts all together through a few known members most would stay outside.
   */
  #longestHere(neighbours: ReadonlySet<PeerKey>): PeerKey | undefined {
    const sinceMs = this.#parts.clock.monotonic() - SHOWN_AROUND_MS;
    for (const [peer, { origin, openedMs, asking, state }] of this.#contacts) {
      if (state === "ending") continue;
      if (openedMs > sinceMs) return undefined;
      if (origin === "inbound" && asking === 0 && !neighbours.has(peer)) return peer;
    }
    return undefined;
  }

  closed(peer: PeerKey): void {
    const contact = this.#contacts.get(peer);
    if (contact === undefined) return;
    this.#contacts.delete(peer);
    if (this.#parts.clock.monotonic() - contact.openedMs < PROVEN_MS) this.#backOffOf(peer).failed();
    else this.#backOffs.delete(peer);
    this.#reviewIn(SOON_MS);
  }

  /** Something says that the peer may be reached now: its next dial does not wait. */
  retry(peer: PeerKey): void {
    this.#backOffs.get(peer)?.reset();
    this.#reviewIn(SOON_MS);
  }

  /** Who is a member has changed. */
  membersChanged(): void {
    for (const peer of this.#backOffs.keys()) if (!this.#parts.roster.has(peer)) this.#backOffs.delete(peer);
    this.#reviewIn(SOON_MS);
  }

  /** A question over the connection to that peer keeps it open. */
  async using<T>(peer: PeerKey, ask: () => Promise<T>): Promise<T> {
    const contact = this.#contacts.get(peer);
    if (contact === undefined) return ask();
    contact.asking++;
    try {
      return await ask();
    } finally {
      contact.asking--;
      contact.usedMs = this.#parts.clock.monotonic();
    }
  }

  #reviewIn(delayMs: number): void {
    if (this.#state !== "running") return;
    const atMs = this.#parts.clock.monotonic() + delayMs;
    if (this.#next !== null && this.#next.atMs <= atMs) return;
    this.#next?.timer.cancel();
    const timer = this.#timers.after(delayMs, () => {
      this.#next = null;
      this.#noticeJump(atMs);
      this.#noticeMove();
      const state = this.#review();
      const usualMs = around(this.#parts.random, state === "settled" ? SETTLED_REVIEW_MS : REVIEW_MS, 0.2);
      const dueMs = [...this.#backOffs.values()].map(({ dueInMs }) => dueInMs).filter((ms) => ms > 0);
      this.#reviewIn(Math.max(SOON_MS, Math.min(usualMs, ...dueMs)));
    });
    this.#next = { timer, atMs };
  }

  #review(): "settled" | "busy" {
    const { dialler, random, self } = this.#parts;
    const members = this.#findable();
    const failing = this.#failing();
    const connected = new Set(this.#contacts.keys());
    for (const peer of dialler.inFlight.keys()) if (!failing.has(peer)) connected.add(peer);

    const plan = planDegree({ self, members, connected, failing, idle: this.#idle() }, random);
    for (const peer of [...plan.dial, ...plan.retry]) {
      if ((this.#backOffs.get(peer)?.dueInMs ?? 0) <= 0) this.#dial(peer, "upkeep");
    }
    for (const peer of plan.spare) this.#end(peer, "not needed any more");
    const lost = this.#parts
      .offline()
      .filter((peer) => this.#isFindable(peer))
      .sort();
    this.#probe(lost, members.length - lost.length);
    return plan.dial.length + plan.retry.length + lost.length === 0 ? "settled" : "busy";
  }

  /** Members that are connected or can be dialled, ascending. */
  #findable(): readonly PeerKey[] {
    const { roster } = this.#parts;
    const found: PeerKey[] = [];
    const notFound: PeerKey[] = [];
    for (const peer of roster.unlisted) (this.#isFindable(peer) ? found : notFound).push(peer);
    if (notFound.length > 0) this.#parts.notFound(notFound);
    return found.length === 0 ? roster.listed : [...roster.listed, ...found].sort();
  }

  #isFindable(peer: PeerKey): boolean {
    return this.#contacts.has(peer) || this.#parts.roster.isReachable(peer);
  }

  #failing(): ReadonlySet<PeerKey> {
    const failing = new Set<PeerKey>();
    for (const [peer, { isFailing }] of this.#backOffs) {
      if (isFailing && this.#parts.roster.has(peer) && this.#isFindable(peer)) failing.add(peer);
    }
    return failing;
  }

  #noticeJump(dueMs: number): void {
    const { clock, log } = this.#parts;
    const offsetMs = clock.now() - clock.monotonic();
    const jumpedMs = Math.abs(offsetMs - this.#clockOffsetMs);
    const lateMs = clock.monotonic() - dueMs;
    this.#clockOffsetMs = offsetMs;
    if (jumpedMs < CLOCK_JUMP_MS && lateMs < LATE_MS) return;
    log.write("info", "mesh.clock.jumped", { jumpedMs, lateMs });
    this.#startOver();
  }

  /** Another network, a new lease, a cable that is in again: whoever was out of reach may be in reach. */
  #noticeMove(): void {
    const place = placeOf(this.#parts.interfaces);
    if (place === this.#place) return;
    this.#parts.log.write("info", "mesh.addresses.changed", { before: this.#place, now: place });
    this.#place = place;
    this.#startOver();
    this.#parts.moved();
  }

  #startOver(): void {
    for (const peer of this.#backOffs.keys()) this.retry(peer);
    this.#parts.jumped();
  }

  /** Connections that were made here for a question and are not used, the longest idle first. */
  #idle(): PeerKey[] {
    const beforeMs = this.#parts.clock.monotonic() - IDLE_MS;
    return [...this.#contacts]
      .filter(([, contact]) => contact.origin === "demand" && contact.state === "standing")
      .filter(([, { asking, usedMs }]) => asking === 0 && usedMs <= beforeMs)
      .sort(([, a], [, b]) => a.usedMs - b.usedMs)
      .map(([peer]) => peer);
  }

  #probe(lost: readonly PeerKey[], online: number): void {
    const { clock, random } = this.#parts;
    if (lost.length === 0 || clock.monotonic() < this.#probeAtMs) return;
    const sharing = Math.max(1, (online + 1) / PROBES_SHARED_BY);
    this.#probeAtMs = clock.monotonic() + around(random, PROBE_MS * sharing, 0.5);
    const peer = lost[random.below(lost.length)];
    if (peer !== undefined) this.#dial(peer, "demand");
  }

  #dial(peer: PeerKey, reason: DialReason): void {
    const { dialler } = this.#parts;
    if (!dialler.hasRoom || dialler.inFlight.has(peer) || this.#contacts.has(peer)) return;
    dialler.dial(peer, reason).catch(() => {
      if (this.#state !== "running") return;
      this.#backOffOf(peer).failed();
      this.#reviewIn(SOON_MS);
    });
  }

  #backOffOf(peer: PeerKey): BackOff {
    let backOff = this.#backOffs.get(peer);
    if (backOff === undefined) {
      backOff = new BackOff(this.#parts.clock, this.#parts.random);
      this.#backOffs.set(peer, backOff);
    }
    return backOff;
  }
}

/** The addresses by which others could reach this machine. */
function placeOf(interfaces: Interfaces): string {
  return interfaces
    .addresses()
    .filter(({ scope }) => scope === "network")
    .map(({ address }) => address)
    .sort()
    .join(" ");
}
