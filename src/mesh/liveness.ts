import { toHex } from "../core/bytes.ts";
import type { Clock, Timer } from "../core/ports/clock.ts";
import type { PeerKey } from "../core/ports/link.ts";
import type { PeerOpinion } from "../core/ports/mesh.ts";
import type { Random } from "../core/ports/random.ts";
import type { MeshCounters } from "./counters.ts";
import { type Beat, encodeBeat, joinPrefixes, splitPrefixes } from "./gossip-message.ts";
import type { Roster } from "./roster.ts";
import { around, Timers } from "./timing.ts";

const BEAT_MS = 5_000;

/** From here on beats come less often: all members together say one per second, however many they are. */
const MEMBERS_AT_FULL_PACE = 5;

/** A beat says something for this many intervals. */
const FRESH_INTERVALS = 3;

/** Between beats that a change of connections causes; changes within the shorter time are told together. */
const EXTRA_BEAT_MS = 1_000;
const CHANGES_TOGETHER_MS = 100;

const REVIEW_SOON_MS = 200;

export interface LivenessParts {
  readonly self: PeerKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly roster: Roster;
  readonly counters: MeshCounters;
  broadcast(body: Uint8Array): void;
  rttMs(peer: PeerKey): number | null;
  changed(opinion: PeerOpinion): void;
  /** Others are connected to it again: it can probably be reached from here as well. */
  returned(peer: PeerKey): void;
}

interface Report {
  readonly beat: Beat;
  readonly heardMs: number;
  readonly connected: ReadonlySet<PeerKey>;
}

/**
 * Who is there, as far as this node can tell. Every member broadcasts a beat with the members that it is connected to;
 * whoever can be reached from here along such connections is online. Of two beats about one connection the newer one
 * is believed, so that a node that died is gone as soon as its neighbours say so, and half a mesh as soon as the cut
 * is noticed, not when the last beats from there have grown old.
 *
 * Gossip is authenticated hop by hop: a member can invent beats of another one and connections of its own. It can make
 * a dead member look alive, or hide for a while who is connected only through it. Opinions are shown and decide whom
 * to ask first, never what is true; a detector that the suspected one can answer for itself takes this one's place.
 */
export class Liveness {
  readonly #parts: LivenessParts;
  readonly #timers: Timers;
  readonly #run: string;
  readonly #direct = new Set<PeerKey>();
  readonly #reports = new Map<PeerKey, Report>();
  readonly #lastHeardMs = new Map<PeerKey, number>();
  readonly #opinions = new Map<PeerKey, PeerOpinion["online"]>();
  #number = 0;
  #beatMs = 0;
  #nextBeat: Timer | null = null;
  #nextReview: { readonly timer: Timer; readonly atMs: number } | null = null;
  #state: "new" | "running" | "stopped" = "new";

  constructor(parts: LivenessParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
    this.#run = toHex(parts.random.bytes(8));
  }

  start(): void {
    this.#state = "running";
    this.#beatMs = this.#parts.clock.monotonic() - EXTRA_BEAT_MS;
    this.#beatIn(around(this.#parts.random, this.#intervalMs, 0.2));
    this.#reviewIn(this.#intervalMs);
  }

  stop(): void {
    this.#state = "stopped";
    this.#timers.stop();
  }

  opened(peer: PeerKey): void {
    this.#direct.add(peer);
    this.#lastHeardMs.set(peer, this.#parts.clock.now());
    this.#connectionsChanged();
    this.#decide(peer, "yes", true);
  }

  closed(peer: PeerKey): void {
    if (!this.#direct.delete(peer)) return;
    this.#connectionsChanged();
    this.#parts.changed(this.opinion(peer));
  }

  /** The peer itself said something, over its own connection. */
  heard(peer: PeerKey): void {
    this.#lastHeardMs.set(peer, this.#parts.clock.now());
  }

  take(beat: Beat): void {
    const { clock, counters, roster, self } = this.#parts;
    if (beat.from === self || !roster.has(beat.from)) return;
    const known = this.#reports.get(beat.from);
    if (known?.beat.run === beat.run && known.beat.number >= beat.number) return;
    counters.beatsHeard++;
    const connected = known?.beat.connected === beat.connected ? known.connected : this.#read(beat.connected);
    const nowMs = clock.now();
    for (const peer of connected) this.#lastHeardMs.set(peer, nowMs);
    this.#lastHeardMs.set(beat.from, nowMs);
    this.#reports.set(beat.from, { beat, heardMs: clock.monotonic(), connected });
    if (known === undefined || this.#opinions.get(beat.from) !== "yes" || known.connected !== connected) {
      this.#reviewIn(REVIEW_SOON_MS);
    }
  }

  /** Who is a member has changed. */
  membersChanged(): void {
    for (const known of [this.#reports, this.#lastHeardMs, this.#opinions]) {
      for (const peer of known.keys()) if (!this.#parts.roster.has(peer) && !this.#direct.has(peer)) known.delete(peer);
    }
    // What the beats list is named anew by the members of now.
    for (const [peer, report] of this.#reports) {
      this.#reports.set(peer, { ...report, connected: this.#read(report.beat.connected) });
    }
    this.#reviewIn(REVIEW_SOON_MS);
  }

  isOnline(peer: PeerKey): boolean {
    return this.#direct.has(peer) || this.#opinions.get(peer) === "yes";
  }

  opinion(peer: PeerKey): PeerOpinion {
    const { clock, self } = this.#parts;
    if (peer === self) return { key: peer, online: "yes", connected: "no", rttMs: null, lastHeardMs: clock.now() };
    const isDirect = this.#direct.has(peer);
    return {
      key: peer,
      online: isDirect ? "yes" : (this.#opinions.get(peer) ?? "unknown"),
      connected: isDirect ? "direct" : "no",
      rttMs: isDirect ? this.#parts.rttMs(peer) : null,
      lastHeardMs: this.#lastHeardMs.get(peer) ?? null,
    };
  }

  get #intervalMs(): number {
    return BEAT_MS * Math.max(1, (this.#parts.roster.keys.length + 1) / MEMBERS_AT_FULL_PACE);
  }

  /** This node is not among the others: about its own connections it needs nobody's word. */
  #read(listed: string): ReadonlySet<PeerKey> {
    const peers = splitPrefixes(listed).map((prefix) => this.#parts.roster.named(prefix));
    return new Set(peers.filter((peer) => peer !== undefined));
  }

  #connectionsChanged(): void {
    if (this.#state !== "running") return;
    this.#reviewIn(REVIEW_SOON_MS);
    const pausedMs = this.#parts.clock.monotonic() - this.#beatMs;
    this.#beatIn(Math.max(CHANGES_TOGETHER_MS, EXTRA_BEAT_MS - pausedMs));
  }

  #beatIn(delayMs: number): void {
    this.#nextBeat?.cancel();
    this.#nextBeat = this.#timers.after(delayMs, () => {
      this.#beat();
      this.#beatIn(around(this.#parts.random, this.#intervalMs, 0.2));
    });
  }

  #beat(): void {
    const { clock, counters, self } = this.#parts;
    this.#beatMs = clock.monotonic();
    if (this.#direct.size === 0) return;
    counters.beatsSent++;
    const connected = joinPrefixes([...this.#direct]);
    this.#parts.broadcast(encodeBeat({ from: self, run: this.#run, number: this.#number++, connected }));
  }

  #reviewIn(delayMs: number): void {
    if (this.#state !== "running") return;
    const atMs = this.#parts.clock.monotonic() + delayMs;
    if (this.#nextReview !== null && this.#nextReview.atMs <= atMs) return;
    this.#nextReview?.timer.cancel();
    const timer = this.#timers.after(delayMs, () => {
      this.#nextReview = null;
      this.#review();
      this.#reviewIn(this.#intervalMs);
    });
    this.#nextReview = { timer, atMs };
  }

  #review(): void {
    const reachable = this.#reachable();
    for (const peer of this.#parts.roster.keys) {
      if (reachable.has(peer)) this.#decide(peer, "yes", false);
      else if (this.#opinions.has(peer)) this.#decide(peer, "no", false);
    }
  }

  #decide(peer: PeerKey, online: "yes" | "no", isNews: boolean): void {
    const before = this.#opinions.get(peer);
    this.#opinions.set(peer, online);
    if (isNews || before !== online) this.#parts.changed(this.opinion(peer));
    if (before !== online && online === "yes" && !this.#direct.has(peer)) this.#parts.returned(peer);
  }

  /** Along connections from this node. */
  #reachable(): ReadonlySet<PeerKey> {
    const { clock } = this.#parts;
    const freshMs = clock.monotonic() - FRESH_INTERVALS * this.#intervalMs;
    const neighbours = new Map<PeerKey, PeerKey[]>();
    for (const [peer, report] of this.#reports) {
      if (report.heardMs < freshMs) {
        this.#reports.delete(peer);
        continue;
      }
      for (const other of report.connected) {
        if (isDenied(this.#reports.get(other), peer, report)) continue;
        append(neighbours, peer, other);
        append(neighbours, other, peer);
      }
    }

    const reached = new Set(this.#direct);
    for (const peer of reached) for (const next of neighbours.get(peer) ?? []) reached.add(next);
    return reached;
  }
}

/** Whether the other end of a reported connection has said since that there is none. */
function isDenied(theirs: Report | undefined, peer: PeerKey, report: Report): boolean {
  return theirs !== undefined && theirs.heardMs > report.heardMs && !theirs.connected.has(peer);
}

function append(lists: Map<PeerKey, PeerKey[]>, key: PeerKey, value: PeerKey): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
