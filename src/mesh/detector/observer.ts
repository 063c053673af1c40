import { MalformedError } from "../../core/encoding.ts";
import type { Clock, Timer } from "../../core/ports/clock.ts";
import { type PeerKey, PeerFailedError, PeerTimeoutError } from "../../core/ports/link.ts";
import type { Log } from "../../core/ports/log.ts";
import type { PeerOpinion } from "../../core/ports/mesh.ts";
import type { Random } from "../../core/ports/random.ts";
import type { Isolation, MemberVerdict, Verdict } from "../../core/ports/verdict.ts";
import type { MeshCounters } from "../counters.ts";
import { Timers, within } from "../timing.ts";
import { Detector } from "./detector.ts";
import type { DetectorEffect, DetectorEvent } from "./event.ts";
import {
  decodeCompare,
  decodeCompareAnswer,
  decodeErrand,
  decodeErrandAnswer,
  decodeProbe,
  encodeCompare,
  encodeCompareAnswer,
  encodeErrand,
  encodeErrandAnswer,
  encodeProbe,
  type ErrandAnswer,
  type ErrandOutcome,
  type ProbeMessage,
} from "./message.ts";
import { packWords, unpackWords, type Voice } from "./word.ts";

export const PROBE_CHANNEL = "probe";
export const ERRAND_CHANNEL = "probe-for";
export const COMPARE_CHANNEL = "compare-verdicts";

/** An answer that is late is a sign of life as well. What a process has not answered by then waits for its next probe. */
const ANSWER_MS = 5_000;
/** What a helper gives the one that it asks: it has to say in time that it got no answer. */
const ERRAND_MS = 400;
/** The same if it has to dial first. */
const ERRAND_DIAL_MS = 1_000;
const COMPARE_MS = 10_000;
/** Who hangs up, or stops, does not wait longer than this until that is known. */
const GOODBYE_MS = 300;

export interface ObserverParts {
  readonly self: PeerKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: MeshCounters;
  readonly voice: Voice;
  members(): readonly PeerKey[];
  alarmAfterMs(member: PeerKey): number | null;
  /** Over the existing connection. */
  ask(peer: PeerKey, channel: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  isConnected(peer: PeerKey): boolean;
  broadcast(words: Uint8Array): void;
  /** A dial that fails is told to {@link Observer.dialFailed}. */
  dial(peer: PeerKey): Promise<void>;
  /** It has not answered for so long that the connection is worth nothing. */
  muted(peer: PeerKey): void;
  changed(opinion: PeerOpinion): void;
  verdictChanged(verdict: MemberVerdict | null): void;
  /** Alive again after it was not, and not connected: it can probably be reached from here as well. */
  returned(peer: PeerKey): void;
}

/** The edge of the detector: carries out what it wants done, and tells it what happens. */
export class Observer {
  readonly #parts: ObserverParts;
  readonly #timers: Timers;
  #detector: Detector | null = null;
  #wake: Timer | null = null;
  readonly #connected = new Set<PeerKey>();
  /** Connections that end by agreement. */
  readonly #parting = new Set<PeerKey>();
  /** As last told. */
  readonly #verdicts = new Map<PeerKey, Verdict>();
  #probe: { readonly message: ProbeMessage; readonly body: Uint8Array } | null = null;

  constructor(parts: ObserverParts) {
    this.#parts = parts;
    this.#timers = new Timers(parts.clock);
  }

  start(): void {
    const { clock, random, self, voice } = this.#parts;
    this.#detector = new Detector({
      self,
      random,
      voice,
      incarnation: clock.now(),
      nowMs: clock.monotonic(),
      alarmAfterMs: (member) => this.#parts.alarmAfterMs(member),
    });
    this.membersChanged();
  }

  /** Says goodbye, and ends when those who are connected know, or soon. */
  async stop(): Promise<void> {
    const detector = this.#detector;
    this.#timers.stop();
    if (detector === null) return;
    const effects = detector.step({ event: "goodbye" }, this.#parts.clock.monotonic());
    this.#detector = null;
    const told: Promise<unknown>[] = [];
    for (const effect of effects) {
      if (effect.effect === "broadcast") this.#parts.broadcast(packWords(effect.words));
      else if (effect.effect === "tell") told.push(this.#ask(effect.peer, effect.message, GOODBYE_MS));
    }
    await Promise.all(told);
  }

  opened(peer: PeerKey): void {
    const before = this.opinion(peer).online;
    this.#connected.add(peer);
    this.#parting.delete(peer);
    this.#step({ event: "opened", peer });
    // Else it has been told.
    if (this.opinion(peer).online === before) this.#parts.changed(this.opinion(peer));
  }

  closed(peer: PeerKey): void {
    if (!this.#connected.delete(peer)) return;
    this.#step({ event: "closed", peer, by: this.#parting.delete(peer) ? "agreement" : "them" });
    this.#parts.changed(this.opinion(peer));
  }

  /** Resolves when the peer knows that its connection ends now, or soon. */
  async partFrom(peer: PeerKey): Promise<void> {
    if (!this.#connected.has(peer) || this.#parting.has(peer)) return;
    this.#parting.add(peer);
    const message = this.#detector?.messageFor(peer, this.#parts.clock.monotonic(), "hangs-up");
    if (message !== undefined) await this.#ask(peer, message, GOODBYE_MS);
  }

  /** The peer itself said something, over its own connection. */
  heard(peer: PeerKey): void {
    if (this.#connected.has(peer)) this.#step({ event: "heard", peer });
  }

  /** Whatever stood may be dead. */
  askAll(): void {
    this.#step({ event: "jumped" });
  }

  dialFailed(peer: PeerKey, tookMs: number): void {
    this.#step({ event: "dial-failed", peer, tookMs });
  }

  /** Nobody can look whether they are there. */
  notFound(peers: readonly PeerKey[]): void {
    this.#step({ event: "no-address", peers });
  }

  /** Words that came by gossip. Throws `Invalid` if they are none. */
  take(words: Uint8Array, from: PeerKey): void {
    if (this.#detector === null) return;
    this.#parts.counters.wordsHeard++;
    this.#step({ event: "broadcast", words: unpackWords(words, this.#detector.named), from });
  }

  /** Who is a member has changed. */
  membersChanged(): void {
    this.#step({ event: "members", keys: this.#parts.members() });
    for (const peer of this.#verdicts.keys()) if (this.#detector?.verdictOf(peer) === null) this.#verdicts.delete(peer);
  }

  async answerProbe(peer: PeerKey, body: Uint8Array): Promise<Uint8Array> {
    const detector = this.#running();
    this.#step({ event: "probed", peer, message: decodeProbe(body, detector.named) });
    return this.#encode(detector.messageFor(peer, this.#parts.clock.monotonic()));
  }

  async answerErrand(peer: PeerKey, body: Uint8Array): Promise<Uint8Array> {
    const detector = this.#running();
    const { member, mayDial, words } = decodeErrand(body, detector.named);
    this.#step({ event: "probed", peer, message: { digest: NOTHING, words, connection: "stays" } });
    const answer = member === null ? NOT_CONNECTED : await this.#run(member, mayDial);
    return encodeErrandAnswer(answer);
  }

  async answerCompare(_peer: PeerKey, body: Uint8Array): Promise<Uint8Array> {
    const detector = this.#running();
    const { answer, effects } = detector.compare(decodeCompare(body, detector.named), this.#parts.clock.monotonic());
    this.#enact(effects);
    return encodeCompareAnswer(answer);
  }

  isOnline(peer: PeerKey): boolean {
    return onlineOf(this.#detector?.verdictOf(peer)?.verdict ?? "unknown") === "yes";
  }

  /** All members for whom {@link isOnline} does not hold, in no order. */
  get offline(): readonly PeerKey[] {
    return (this.#detector?.astray ?? []).filter((peer) => !this.isOnline(peer));
  }

  opinion(peer: PeerKey): PeerOpinion {
    const { clock, self } = this.#parts;
    if (peer === self) return { key: peer, online: "yes", connected: "no", rttMs: null, lastHeardMs: clock.now() };
    const connected = this.#connected.has(peer) ? "direct" : "no";
    const rttMs = this.#detector?.rttMs(peer) ?? null;
    const aliveMs = this.#detector?.lastAliveMs(peer, clock.monotonic()) ?? null;
    const online = onlineOf(this.#detector?.verdictOf(peer)?.verdict ?? "unknown");
    return { key: peer, online, connected, rttMs, lastHeardMs: aliveMs === null ? null : this.#wallMs(aliveMs) };
  }

  verdict(member: PeerKey): MemberVerdict | null {
    const held = this.#detector?.verdictOf(member) ?? null;
    return held === null ? null : { member, verdict: held.verdict, sinceMs: this.#wallMs(held.sinceMs) };
  }

  get revision(): number {
    return this.#running().revision;
  }

  isolation(): Isolation {
    if (this.#detector === null) throw new Error("this node is not running");
    const { state, sinceMs } = this.#detector.sight;
    return { state, sinceMs: this.#wallMs(sinceMs), ...this.#detector.seen };
  }

  /** The wall clock may have jumped since: only the distance to now is known. */
  #wallMs(monotonicMs: number): number {
    const { clock } = this.#parts;
    return Math.round(clock.now() - (clock.monotonic() - monotonicMs));
  }

  #running(): Detector {
    if (this.#detector === null) throw new Error("this node is stopping");
    return this.#detector;
  }

  #step(event: DetectorEvent): void {
    if (this.#detector !== null) this.#enact(this.#detector.step(event, this.#parts.clock.monotonic()));
  }

  #enact(effects: readonly DetectorEffect[]): void {
    for (const effect of effects) this.#do(effect);
  }

  #do(effect: DetectorEffect): void {
    const { clock, counters, log } = this.#parts;
    switch (effect.effect) {
      case "wake":
        this.#wake?.cancel();
        this.#wake = this.#timers.after(effect.atMs - clock.monotonic(), () => this.#step({ event: "woke" }));
        break;
      case "probe":
        counters.probes++;
        void this.#ask(effect.peer, effect.message, ANSWER_MS, effect.probe);
        break;
      case "tell":
        void this.#ask(effect.peer, effect.message, ANSWER_MS);
        break;
      case "errand":
        void this.#send(effect.by, effect.about, encodeErrand({ ...effect, member: effect.about }));
        break;
      case "compare":
        void this.#compare(effect.peer, encodeCompare(effect.lines));
        break;
      case "broadcast":
        counters.wordsSent++;
        this.#parts.broadcast(packWords(effect.words));
        break;
      case "redial":
        this.#parts.dial(effect.peer).catch(() => undefined);
        break;
      case "hang-up":
        this.#parting.add(effect.peer);
        this.#parts.muted(effect.peer);
        break;
      case "changed":
        this.#changed(effect.peer);
        break;
      case "isolation":
        log.write("info", "mesh.isolation", { state: this.#detector?.sight.state });
        this.#parts.verdictChanged(null);
        break;
    }
  }

  #changed(peer: PeerKey): void {
    const verdict = this.verdict(peer);
    const before = this.#verdicts.get(peer) ?? "unknown";
    if (verdict === null || verdict.verdict === before) return;
    this.#verdicts.set(peer, verdict.verdict);
    this.#parts.log.write("debug", "mesh.verdict", { peer, verdict: verdict.verdict, before });
    this.#parts.verdictChanged(verdict);
    if (onlineOf(before) === onlineOf(verdict.verdict)) return;
    this.#parts.changed(this.opinion(peer));
    if (verdict.verdict === "alive" && !this.#connected.has(peer)) this.#parts.returned(peer);
  }

  /** Never throws. An answer is told to the detector if `probe` says which one it answers. */
  async #ask(peer: PeerKey, message: ProbeMessage, timeoutMs: number, probe?: number): Promise<void> {
    const { counters } = this.#parts;
    let answer: ProbeMessage | null = null;
    try {
      const body = await this.#parts.ask(peer, PROBE_CHANNEL, this.#encode(message), timeoutMs);
      if (this.#detector === null || probe === undefined) return;
      answer = decodeProbe(body, this.#detector.named);
    } catch (error) {
      // Whoever says that it does not know probes, or answers with something else, has answered.
      if (!isAnswer(error)) {
        if (probe !== undefined) counters.probeFailures++;
        return;
      }
    }
    if (probe !== undefined) this.#step({ event: "answered", peer, probe, message: answer });
  }

  async #send(by: PeerKey, about: PeerKey, body: Uint8Array): Promise<void> {
    let answer: ErrandAnswer | null = null;
    try {
      const given = await this.#parts.ask(by, ERRAND_CHANNEL, body, ANSWER_MS);
      if (this.#detector !== null) answer = decodeErrandAnswer(given, this.#detector.named);
    } catch (error) {
      if (isAnswer(error)) answer = NOT_CONNECTED;
    }
    this.#step({ event: "errand-done", about, by, answer });
  }

  /** For somebody else. */
  async #run(member: PeerKey, mayDial: boolean): Promise<ErrandAnswer> {
    const { clock } = this.#parts;
    if (!this.#parts.isConnected(member)) {
      if (!mayDial) return NOT_CONNECTED;
      const late = () => new PeerTimeoutError(member, ERRAND_DIAL_MS);
      try {
        await within(clock, ERRAND_DIAL_MS, this.#parts.dial(member), late);
      } catch (error) {
        const outcome: ErrandOutcome = error instanceof PeerTimeoutError ? "silent" : "refused";
        return { outcome, words: [] };
      }
    }
    const detector = this.#running();
    try {
      const told = this.#encode(detector.messageFor(member, clock.monotonic()));
      const { words } = decodeProbe(await this.#parts.ask(member, PROBE_CHANNEL, told, ERRAND_MS), detector.named);
      this.#step({ event: "heard", peer: member });
      return { outcome: "answers", words: words.filter((word) => word.member === member) };
    } catch (error) {
      return { outcome: isAnswer(error) ? "answers" : "silent", words: [] };
    }
  }

  async #compare(peer: PeerKey, body: Uint8Array): Promise<void> {
    try {
      const given = await this.#parts.ask(peer, COMPARE_CHANNEL, body, COMPARE_MS);
      if (this.#detector === null) return;
      this.#step({ event: "compared", peer, answer: decodeCompareAnswer(given, this.#detector.named) });
    } catch (error) {
      this.#parts.log.write("debug", "mesh.compare.failed", { peer, detail: String(error) });
    }
  }

  /** Mostly there is nothing new, and the bytes are the same as the last time. */
  #encode(message: ProbeMessage): Uint8Array {
    if (message.words.length > 0 || message.connection !== "stays") return encodeProbe(message);
    if (this.#probe?.message.digest !== message.digest) this.#probe = { message, body: encodeProbe(message) };
    return this.#probe.body;
  }
}

const NOTHING = new Uint8Array(0);
const NOT_CONNECTED: ErrandAnswer = { outcome: "not-connected", words: [] };

/** It was said by the peer itself, or is about what it said. */
function isAnswer(error: unknown): boolean {
  return error instanceof PeerFailedError || error instanceof MalformedError;
}

function onlineOf(verdict: Verdict): PeerOpinion["online"] {
  switch (verdict) {
    case "alive":
    case "suspect":
      return "yes";
    case "unreachable":
    case "alarm":
    case "left":
      return "no";
    case "unknown":
      return "unknown";
  }
}
