import type { PeerKey } from "../../core/ports/link.ts";
import type { Random } from "../../core/ports/random.ts";
import type { Verdict } from "../../core/ports/verdict.ts";
import { equalBytes } from "../../core/bytes.ts";
import { type Contact, Contacts, dueOf, muteFrom } from "./contacts.ts";
import { Alarms, type Sight } from "./alarms.ts";
import type { DetectorEffect, DetectorEvent } from "./event.ts";
import { Inquiries } from "./inquiries.ts";
import { LocalHealth } from "./local-health.ts";
import { type CompareAnswer, type ErrandAnswer, type Line, type ProbeMessage } from "./message.ts";
import { Opinions, type Way } from "./opinions.ts";
import { type Entry, orderOf, Table, verdictOf, wordOf } from "./table.ts";
import { News } from "./news.ts";
import { Own } from "./own-word.ts";
import { Solitude } from "./solitude.ts";
import { CONFIRMATIONS } from "./suspicion.ts";
import { Wishes } from "./wishes.ts";
import { MAX_WORDS, type Voice, type Word } from "./word.ts";

export interface DetectorOptions {
  readonly self: PeerKey;
  readonly random: Random;
  readonly voice: Voice;
  /**
   * Wall clock of the start, in ms: greater than that of the last run, unless the clock went back. Then the first
   * member that remembers more says so, with this node's own signature, and this node takes the next number.
   */
  readonly incarnation: number;
  /** Monotonic clock. */
  readonly nowMs: number;
  /** After which time a member that is away is an alarm; null: never. */
  alarmAfterMs(member: PeerKey): number | null;
}

/** Asked to try when somebody does not answer: as in SWIM and serf. */
const HELPERS = 3;

/** A dial that fails sooner was refused: nobody listens there. A machine that is cut off does not answer at all. */
const REFUSED_WITHIN_MS = 2_000;
/** A connection was lost; after this long without a new one its other end is a suspect. */
const REDIAL_MS = 500;
/** After a lost one has become a suspect, others have this long to say the same before they are asked to try. */
const CONFIRM_MS = 500;

/** A timer that comes this late: the loop was busy, and answers wait unread. */
const LATE_MS = 100;
/** This late: the process or the machine stood still, and whatever it takes for silence was its own. */
const STOOD_STILL_MS = 1_000;

/** Gossip starts when a connection is as old as this. */
const ANNOUNCE_MS = 500;

/** Whoever was heard within this time need not be asked whether it is there. */
const HEARD_MS = 1_000;

/** While news is under way tables differ. */
const SETTLED_MS = 3_000;

/**
 * A member that was lost:
 * - `redialled`: its connection was closed, and a new one is tried
 * - `doubted`: there is no new one; this node accuses it
 */
interface Loss {
  readonly state: "redialled" | "doubted";
  readonly dueMs: number;
}

/**
 * SWIM (Das et al., DSN 2002) with Lifeguard (Dadgar et al., DSN 2018): who is there, worked out from probes over the
 * connections that the mesh keeps anyway, and told to everybody by gossip and, what that loses, by the probes. Pure:
 * {@link step} takes what happened and when, changes the state and says what is to be done. Times are monotonic ms.
 *
 * Whom nobody here is connected to is not probed: the ring of the connection plan makes its predecessor dial it, and a
 * dial that fails is a probe that failed. Only a member itself can say that it is alive, with a signature, and refute
 * what others say with a greater incarnation. A liar can accuse, which costs the accused one answer.
 */
export class Detector {
  readonly #options: DetectorOptions;
  readonly #contacts: Contacts;
  readonly #table: Table;
  readonly #health = new LocalHealth();
  readonly #own: Own;
  readonly #alarms: Alarms;
  readonly #news = new News();
  /** When to tell everybody that this node is there; null before it has met anybody. */
  #announceMs: number | null = null;
  /** Lost a moment ago, or not found. */
  readonly #lost = new Map<PeerKey, Loss>();
  /** When this node last raised its own incarnation. */
  #defendedMs = Number.NEGATIVE_INFINITY;
  readonly #inquiries: Inquiries;
  readonly #solitude: Solitude;
  readonly #wishes: Wishes;
  readonly #opinions: Opinions;

  constructor(options: DetectorOptions) {
    const { incarnation, nowMs, random, self, voice } = options;
    this.#options = options;
    this.#contacts = new Contacts(random);
    this.#own = new Own(self, voice, incarnation);
    this.#table = new Table(self, this.#own.incarnation);
    this.#alarms = new Alarms((member) => options.alarmAfterMs(member), nowMs);
    this.#solitude = new Solitude(nowMs);
    this.#wishes = new Wishes(nowMs);
    this.#inquiries = new Inquiries({
      contacts: this.#contacts,
      wishes: this.#wishes,
      unheard: (member, atMs) => this.#unheard(member, atMs),
      unanswered: (atMs) => this.#checkAll(atMs),
    });
    this.#opinions = new Opinions({
      self,
      voice,
      table: this.#table,
      contacts: this.#contacts,
      alarms: this.#alarms,
      news: this.#news,
      wishes: this.#wishes,
      isLone: (atMs) => this.#solitude.isLone(atMs),
      look: (member, atMs) => {
        const contact = this.#contacts.get(member);
        if (contact?.probe === null) this.#probe(contact, atMs);
      },
    });
  }

  /** What is to be done now; the state has changed. */
  step(event: DetectorEvent, nowMs: number): readonly DetectorEffect[] {
    this.#wishes.begin(nowMs);
    this.#noticeStop(nowMs);
    switch (event.event) {
      case "members":
        this.#members(event.keys, nowMs);
        break;
      case "opened":
        this.#opened(event.peer, nowMs);
        break;
      case "closed":
        this.#closed(event.peer, event.by, nowMs);
        break;
      case "heard":
        this.#heard(event.peer, nowMs);
        break;
      case "probed":
        this.#probed(event.peer, event.message, nowMs);
        break;
      case "answered":
        this.#answered(event.peer, event.probe, event.message, nowMs);
        break;
      case "errand-done":
        this.#errandDone(event.about, event.by, event.answer, nowMs);
        break;
      case "dial-failed":
        this.#dialFailed(event.peer, event.tookMs, nowMs);
        break;
      case "no-address":
        for (const peer of event.peers) this.#opinions.forgo(peer, nowMs);
        break;
      case "broadcast":
        for (const word of event.words) this.#take(word, "broadcast", event.from, nowMs);
        break;
      case "compared":
        this.#compared(event.peer, event.answer, nowMs);
        break;
      case "woke":
        this.#woke(nowMs);
        break;
      case "jumped":
        this.#checkAll(nowMs);
        break;
      case "goodbye":
        this.#goodbye(nowMs);
        break;
    }
    this.#look(nowMs);
    return this.#wishes.take();
  }

  /** What this node says to that peer, whoever asked. */
  messageFor(peer: PeerKey, nowMs: number, connection: ProbeMessage["connection"] = "stays"): ProbeMessage {
    return { digest: this.#table.digest, words: this.#wordsFor(peer, nowMs), connection };
  }

  /** What somebody who holds these lines does not know, and what this node would like to know. */
  compare(
    lines: readonly Line[],
    nowMs: number,
  ): { readonly answer: CompareAnswer; readonly effects: readonly DetectorEffect[] } {
    this.#wishes.begin(nowMs);
    const theirs = new Map(lines.map((line) => [line.member, line]));
    const words: Word[] = [];
    const wanted: PeerKey[] = [];
    const isQuiet = this.#isIsolated;
    for (const entry of this.#table.entries) {
      const line = theirs.get(entry.member);
      if (line !== undefined && isQuiet && line.standing === "alive" && line.incarnation === entry.incarnation) {
        if (entry.status === "unreachable") this.#opinions.alive(entry, nowMs);
      }
      const order = orderOf(entry, line);
      if (order < 0) wanted.push(entry.member);
      else if (order > 0 && !(isQuiet && entry.status === "unreachable")) words.push(wordOf(entry));
    }
    const mine = theirs.get(this.#options.self);
    if (mine === undefined || mine.incarnation < this.#own.incarnation) words.push(this.#own.word);
    else if (mine.incarnation > this.#own.incarnation || mine.standing !== "alive") wanted.push(this.#options.self);
    this.#look(nowMs);
    const answer = { words: words.slice(0, MAX_WORDS), wanted: wanted.slice(0, MAX_WORDS) };
    return { answer, effects: this.#wishes.take() };
  }

  readonly named = (prefix: string): PeerKey | undefined => this.#table.named(prefix);

  verdictOf(member: PeerKey): { readonly verdict: Verdict; readonly sinceMs: number } | null {
    const entry = this.#table.get(member);
    if (entry === undefined) return null;
    return { verdict: this.#alarms.has(entry) ? "alarm" : verdictOf(entry.status), sinceMs: entry.sinceMs };
  }

  get sight(): Sight {
    return this.#alarms.sight;
  }

  /** Grows with every verdict that changes, and with every change of {@link sight}. */
  get revision(): number {
    return this.#table.revision + this.#alarms.revision;
  }

  /** Members that are not alive beyond doubt. */
  get astray(): PeerKey[] {
    return [...this.#table.astray].map(({ member }) => member);
  }

  /** How many of the fleet are alive beyond doubt, this node among them. Who said goodbye is no part of it. */
  get seen(): { readonly seen: number; readonly of: number } {
    return { seen: this.#table.alive + 1, of: this.#table.size + 1 - this.#table.left };
  }

  /** Smoothed; null without a connection or before the first answer. */
  rttMs(peer: PeerKey): number | null {
    return this.#contacts.get(peer)?.rttMs ?? null;
  }

  /** When that member was last taken for alive: over its own connection, or as long as nobody doubted it. */
  lastAliveMs(member: PeerKey, nowMs: number): number | null {
    const contact = this.#contacts.get(member);
    if (contact !== undefined) return contact.heardMs;
    const entry = this.#table.get(member);
    return entry?.status === "alive" ? nowMs : (entry?.aliveMs ?? null);
  }

  #members(keys: readonly PeerKey[], nowMs: number): void {
    this.#table.setMembers(keys, nowMs);
    const isKnown = (entry: Entry): boolean => this.#table.get(entry.member) === entry;
    this.#opinions.forget(isKnown);
    this.#alarms.forget(isKnown);
    const isMember = (member: PeerKey): boolean => this.#table.get(member) !== undefined;
    this.#news.forget((member) => member === this.#options.self || isMember(member));
    this.#inquiries.forget(isMember);
    for (const member of this.#lost.keys()) if (!isMember(member)) this.#lost.delete(member);
    this.#wishes.wakeBy(this.#solitude.dueMs);
    // Whoever was connected before it became a member.
    for (const { peer } of this.#contacts.all) this.#seen(peer, nowMs);
  }

  #opened(peer: PeerKey, nowMs: number): void {
    const contact = this.#contacts.open(peer, nowMs);
    this.#lost.delete(peer);
    this.#inquiries.opened(peer);
    this.#meets(nowMs);
    if (this.#announceMs === null) {
      this.#announceMs = nowMs + ANNOUNCE_MS;
      this.#wishes.wakeBy(this.#announceMs);
    }
    this.#seen(peer, nowMs);
    this.#wishes.wakeBy(contact.checkMs);
  }

  /** Somebody is there. */
  #meets(nowMs: number): void {
    if (this.#solitude.end()) this.#opinions.trustAgain(nowMs);
  }

  /** Its connection proves that it runs. Others may doubt it: then it has to defend itself, if it can. */
  #seen(peer: PeerKey, nowMs: number): void {
    const entry = this.#table.get(peer);
    if (entry === undefined) return;
    const isFirst = entry.status === null || entry.incarnation === 0;
    const isForgiven = this.#isIsolated && entry.status === "unreachable";
    if (isFirst || isForgiven) this.#opinions.alive(entry, nowMs);
  }

  #closed(peer: PeerKey, by: "agreement" | "them", nowMs: number): void {
    const contact = this.#contacts.close(peer);
    if (contact === undefined) return;
    const entry = this.#table.get(peer);
    if (entry !== undefined) entry.aliveMs = Math.max(entry.aliveMs ?? contact.heardMs, contact.heardMs);
    if (this.#contacts.size === 0) {
      this.#solitude.begin(contact, by, nowMs);
      this.#wishes.wakeBy(this.#solitude.dueMs);
    }
    if (by === "agreement" || contact.isLeaving || this.#own.state === "leaving" || entry === undefined) return;
    if (entry.status === "left" || entry.status === "unreachable") return;
    // Nothing was ever said over it: this node was not let in.
    if (contact.rttMs === null) return;
    const doubtMs = nowMs + REDIAL_MS * this.#health.multiplier;
    this.#lost.set(peer, { state: "redialled", dueMs: doubtMs });
    this.#wishes.add({ effect: "redial", peer });
    this.#wishes.wakeBy(doubtMs);
  }

  #heard(peer: PeerKey, nowMs: number): void {
    const contact = this.#contacts.get(peer);
    if (contact === undefined) return;
    this.#contacts.heard(contact, nowMs);
    this.#meets(nowMs);
    this.#seen(peer, nowMs);
    const status = this.#table.get(peer)?.status ?? null;
    // It speaks, and may not know what is said about it.
    if (status !== null && status !== "alive") this.#probe(contact, nowMs);
  }

  #probed(peer: PeerKey, message: ProbeMessage, nowMs: number): void {
    const contact = this.#contacts.get(peer);
    if (contact !== undefined && message.connection === "hangs-up") contact.isLeaving = true;
    for (const word of message.words) this.#take(word, "request", peer, nowMs);
  }

  #answered(peer: PeerKey, probe: number, message: ProbeMessage | null, nowMs: number): void {
    const contact = this.#contacts.get(peer);
    if (contact === undefined) return;
    if (contact.probe?.id === probe) this.#health.improve();
    this.#contacts.answered(contact, probe, nowMs);
    this.#contacts.heard(contact, nowMs);
    this.#meets(nowMs);
    this.#wishes.wakeAt(this.#nextMs(nowMs));
    this.#seen(peer, nowMs);
    contact.isIntroduced = true;
    if (message === null) return;
    for (const word of message.words) this.#take(word, "request", peer, nowMs);
    if (equalBytes(message.digest, this.#table.digest)) return;
    const { comparedMs } = contact;
    const isSettled =
      nowMs - Math.max(this.#defendedMs, this.#opinions.changedMs) >= SETTLED_MS &&
      nowMs - (comparedMs ?? 0) >= SETTLED_MS;
    if (comparedMs !== null && !isSettled) return;
    contact.comparedMs = nowMs;
    const lines = this.#table.lines();
    const told = this.#isIsolated ? lines.filter(({ standing }) => standing !== "unreachable") : lines;
    this.#wishes.add({ effect: "compare", peer, lines: told });
  }

  #compared(peer: PeerKey, { words, wanted }: CompareAnswer, nowMs: number): void {
    for (const word of words) this.#take(word, "compared", peer, nowMs);
    const asked = wanted.flatMap((member) => {
      const entry = this.#table.get(member);
      return entry === undefined ? (member === this.#options.self ? [this.#own.word] : []) : [wordOf(entry)];
    });
    if (asked.length === 0) return;
    this.#wishes.add({
      effect: "tell",
      peer,
      message: { digest: this.#table.digest, words: asked, connection: "stays" },
    });
  }

  #errandDone(about: PeerKey, by: PeerKey, answer: ErrandAnswer | null, nowMs: number): void {
    const contact = this.#contacts.get(about);
    const probe = contact?.probe ?? null;
    if (probe !== null) {
      probe.errands--;
      if (answer !== null) probe.returned++;
    }
    for (const word of answer?.words ?? []) this.#take(word, "request", by, nowMs);
    this.#inquiries.answered(about, by, answer?.outcome ?? null, nowMs);
    if (answer === null) return;
    switch (answer.outcome) {
      case "answers":
        // Only the way from here is bad. It is asked again, and the connection ends if it stays so.
        if (contact !== undefined && probe !== null) this.#contacts.failed(contact, nowMs);
        break;
      case "refused":
      case "silent": {
        // A confirmation, if this node accuses it as well.
        const entry = this.#table.get(about);
        if (entry?.suspicion?.has(this.#options.self)) this.#opinions.accuse(entry, by, answer.outcome, nowMs);
        else probe?.deniedBy.push(by);
        break;
      }
      case "not-connected":
        break;
    }
  }

  #dialFailed(peer: PeerKey, tookMs: number, nowMs: number): void {
    const entry = this.#table.get(peer);
    if (entry === undefined || this.#contacts.get(peer) !== undefined || this.#own.state === "leaving") return;
    // Begun before this node stood still: it was not heard, that is all.
    if (nowMs - tookMs < this.#alarms.sureMs) return;
    const lost = this.#lost.get(peer);
    if (lost === undefined) {
      if (entry.status === "alive" && !this.#inquiries.asks(entry, nowMs)) this.#doubt(entry, nowMs);
      return;
    }
    if (tookMs >= REFUSED_WITHIN_MS) return;
    this.#lost.delete(peer);
    if (this.#opinions.accuse(entry, this.#options.self, "refused", nowMs)) this.#sendOthers(entry, HELPERS, "anybody");
  }

  #goodbye(nowMs: number): void {
    this.#own.leave();
    this.#table.setOwn(this.#own.incarnation, "left");
    this.#news.tell(this.#options.self, nowMs);
    if (this.#contacts.size > 0) this.#wishes.add({ effect: "broadcast", words: [this.#own.word] });
    for (const { peer } of this.#contacts.all) {
      this.#wishes.add({ effect: "tell", peer, message: this.messageFor(peer, nowMs) });
    }
  }

  #woke(nowMs: number): void {
    const { lateMs } = this.#wishes;
    if (lateMs >= LATE_MS) this.#contacts.forgive(lateMs, nowMs, "delay");
    this.#wishes.woken();
    for (const contact of this.#contacts.all) this.#check(contact, nowMs);
    for (const [peer, { dueMs }] of this.#lost) if (dueMs <= nowMs) this.#pursue(peer, nowMs);
    this.#inquiries.woke(nowMs);
    this.#solitude.deaf(this.#contacts.all, nowMs);
    if (this.#solitude.doubtsAll(nowMs)) this.#opinions.doubtAll(nowMs);
    this.#opinions.judge(nowMs);
    if (this.#announceMs !== null && this.#announceMs <= nowMs) {
      this.#announceMs = Number.POSITIVE_INFINITY;
      this.#announce(nowMs);
    }
    for (const { member } of this.#alarms.raise(nowMs)) this.#wishes.add({ effect: "changed", peer: member });
    this.#wishes.wakeBy(this.#nextMs(nowMs));
  }

  /** Its own timer is long overdue, whatever comes first now. */
  #noticeStop(nowMs: number): void {
    const { lateMs } = this.#wishes;
    if (lateMs < STOOD_STILL_MS) return;
    this.#wishes.forgiveLate();
    this.#health.worsen();
    this.#contacts.forgive(lateMs, nowMs, "all");
    this.#alarms.stoodStill(nowMs);
    this.#opinions.stoodStill(nowMs);
    for (const [peer, { state }] of this.#lost) this.#lost.set(peer, { state, dueMs: nowMs + REDIAL_MS });
    this.#solitude.beginAnew(nowMs);
  }

  #check(contact: Contact, nowMs: number): void {
    if (nowMs >= muteFrom(contact)) {
      contact.silentFromMs = nowMs;
      this.#wishes.add({ effect: "hang-up", peer: contact.peer });
    }
    const { probe } = contact;
    const entry = this.#table.get(contact.peer);
    if (probe === null) {
      if (contact.checkMs <= nowMs) this.#probe(contact, nowMs);
      return;
    }
    // Whoever is accused already has been asked by others.
    const isFirst = entry?.suspicion === null && entry.status !== "unreachable";
    if (probe.stage === "asked" && probe.othersMs <= nowMs) {
      probe.stage = "others-asked";
      contact.timed = null;
      this.#wishes.add(this.#asking(contact.peer, probe.id, nowMs));
      if (isFirst) probe.errands = this.#sendOthers(entry, HELPERS, "connected");
    }
    if (probe.failsMs > nowMs) return;
    // Nobody answers, not even those who were to help: perhaps it is this node that is deaf.
    if (isFirst && probe.returned === 0) this.#health.worsen();
    if (probe.errands > 0 && probe.returned === 0) this.#checkAll(nowMs);
    this.#contacts.failed(contact, nowMs);
    if (entry === undefined) return;
    this.#opinions.accuse(entry, this.#options.self, "silent", nowMs);
    for (const by of probe.deniedBy) this.#opinions.accuse(entry, by, "silent", nowMs);
  }

  /** How many were sent. */
  #sendOthers(entry: Entry, count: number, whom: "connected" | "anybody"): number {
    const helpers = this.#contacts.helpers(entry.member, count);
    const words = entry.status === "alive" ? [] : [wordOf(entry)];
    for (const by of helpers) {
      this.#wishes.add({ effect: "errand", by, about: entry.member, mayDial: whom === "anybody", words });
    }
    return helpers.length;
  }

  /** Neither the one nor those who were to ask it have answered: whoever is deaf must know soon. */
  #checkAll(nowMs: number): void {
    for (const contact of this.#contacts.all) {
      if (contact.probe === null && nowMs >= contact.heardMs + HEARD_MS) this.#probe(contact, nowMs);
    }
  }

  #probe(contact: Contact, nowMs: number): void {
    const how = this.#table.get(contact.peer)?.suspicion ? "confirms" : "first";
    const { id } = this.#contacts.begin(contact, nowMs, this.#health.multiplier, how);
    this.#wishes.add(this.#asking(contact.peer, id, nowMs));
    this.#wishes.wakeBy(dueOf(contact));
  }

  #asking(peer: PeerKey, probe: number, nowMs: number): Extract<DetectorEffect, { effect: "probe" }> {
    return { effect: "probe", peer, probe, message: this.messageFor(peer, nowMs) };
  }

  #pursue(peer: PeerKey, nowMs: number): void {
    const loss = this.#lost.get(peer);
    const entry = this.#table.get(peer);
    if (loss === undefined || entry === undefined) return;
    switch (loss.state) {
      case "redialled":
        this.#doubt(entry, nowMs);
        break;
      case "doubted": {
        this.#lost.delete(peer);
        // Mostly others have lost it as well, and have said so by now.
        const missing = CONFIRMATIONS + 1 - (entry.suspicion?.size ?? CONFIRMATIONS + 1);
        if (missing > 0) this.#sendOthers(entry, missing, "anybody");
        break;
      }
    }
  }

  /** It cannot be dialled, and nobody vouches for it. */
  #unheard(member: PeerKey, nowMs: number): void {
    const entry = this.#table.get(member);
    if (entry?.status === "alive" && !this.#lost.has(member)) this.#doubt(entry, nowMs);
  }

  #doubt(entry: Entry, nowMs: number): void {
    this.#opinions.accuse(entry, this.#options.self, "silent", nowMs);
    const dueMs = nowMs + CONFIRM_MS;
    this.#lost.set(entry.member, { state: "doubted", dueMs });
    this.#wishes.wakeBy(dueMs);
  }

  #take(word: Word, by: Way, teller: PeerKey, nowMs: number): void {
    if (word.member === this.#options.self) this.#defend(word, nowMs);
    else this.#opinions.take(word, by, teller, nowMs);
  }

  #announce(nowMs: number): void {
    this.#news.tell(this.#options.self, nowMs);
    this.#wishes.add({ effect: "broadcast", words: [this.#own.word] });
  }

  #defend(word: Word, nowMs: number): void {
    const judgement = this.#own.judge(word);
    if (judgement === "right") return;
    if (judgement === "refuted") this.#health.worsen();
    this.#table.setOwn(this.#own.incarnation, "alive");
    this.#defendedMs = nowMs;
    this.#announce(nowMs);
  }

  #wordsFor(peer: PeerKey, nowMs: number): readonly Word[] {
    const words: Word[] = [];
    const entry = this.#table.get(peer);
    const isQuiet = this.#isIsolated;
    // First of all: what it may want to refute (Lifeguard, "buddy").
    if (entry !== undefined && entry.status !== null && entry.status !== "alive") words.push(wordOf(entry));
    const isIntroduced = this.#contacts.get(peer)?.isIntroduced === true;
    if (!isIntroduced || this.#news.has(this.#options.self, nowMs)) words.push(this.#own.word);
    for (const member of this.#news.newest(nowMs)) {
      const told = member === peer ? undefined : this.#table.get(member);
      if (told === undefined || (isQuiet && told.status !== "alive" && told.status !== "left")) continue;
      words.push(wordOf(told));
    }
    return words;
  }

  get #isIsolated(): boolean {
    return this.#alarms.sight.state === "isolated";
  }

  /** Whether this node is the isolated one. */
  #look(nowMs: number): void {
    const { seen, of } = this.seen;
    const state = 2 * seen < of || (of > 2 && this.#solitude.isLone(nowMs)) ? "isolated" : "seeing";
    const retracted = this.#alarms.look(state, nowMs);
    if (retracted === null) return;
    this.#wishes.add({ effect: "isolation" });
    for (const { member } of retracted) this.#wishes.add({ effect: "changed", peer: member });
    this.#wishes.wakeBy(this.#nextMs(nowMs));
  }

  #nextMs(nowMs: number): number {
    let nextMs = Math.min(this.#announceMs ?? Number.POSITIVE_INFINITY, this.#alarms.nextMs, this.#opinions.nextMs);
    nextMs = Math.min(nextMs, this.#inquiries.nextMs);
    for (const contact of this.#contacts.all) nextMs = Math.min(nextMs, dueOf(contact), muteFrom(contact));
    for (const { dueMs } of this.#lost.values()) nextMs = Math.min(nextMs, dueMs);
    if (!this.#solitude.isLone(nowMs)) nextMs = Math.min(nextMs, this.#solitude.dueMs);
    return nextMs;
  }
}
