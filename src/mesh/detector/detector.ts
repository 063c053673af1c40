import type { PeerKey } from "../../core/ports/link.ts";
import type { Random } from "../../core/ports/random.ts";
import type { Verdict } from "../../core/ports/verdict.ts";
import { equalBytes } from "../../core/bytes.ts";
import { type Contact, Contacts, dueOf } from "./contacts.ts";
import { LocalHealth } from "./local-health.ts";
import { type CompareAnswer, type ErrandAnswer, type Line, type ProbeMessage, standingOf } from "./message.ts";
import { type Accusation, REFUSALS, Suspicion, CONFIRMATIONS } from "./suspicion.ts";
import { type Entry, isDoubt, Table, wordOf } from "./table.ts";
import { MAX_INCARNATION, MAX_WORDS, type Status, type Voice, type Word } from "./word.ts";

/** What happens to a detector. */
export type DetectorEvent =
  | { readonly event: "members"; readonly keys: readonly PeerKey[] }
  | { readonly event: "opened" | "heard"; readonly peer: PeerKey }
  /** `agreed`: this node ended it, or was told before that the other one would. */
  | { readonly event: "closed"; readonly peer: PeerKey; readonly by: "agreement" | "them" }
  | { readonly event: "probed"; readonly peer: PeerKey; readonly message: ProbeMessage }
  /** Null: it answered that it does not know what a probe is. */
  | {
      readonly event: "answered";
      readonly peer: PeerKey;
      readonly probe: number;
      readonly message: ProbeMessage | null;
    }
  /** `answer` is null if whoever was asked did not answer itself. */
  | {
      readonly event: "errand-done";
      readonly about: PeerKey;
      readonly by: PeerKey;
      readonly answer: ErrandAnswer | null;
    }
  | { readonly event: "dial-failed"; readonly peer: PeerKey; readonly tookMs: number }
  | { readonly event: "broadcast"; readonly words: readonly Word[]; readonly from: PeerKey }
  | { readonly event: "compared"; readonly peer: PeerKey; readonly answer: CompareAnswer }
  /** `jumped`: this machine slept or has moved, and its connections may be dead. */
  | { readonly event: "woke" | "jumped" | "goodbye" };

/** What it wants done. */
export type DetectorEffect =
  | { readonly effect: "probe"; readonly peer: PeerKey; readonly probe: number; readonly message: ProbeMessage }
  | {
      readonly effect: "errand";
      readonly by: PeerKey;
      readonly about: PeerKey;
      readonly mayDial: boolean;
      readonly words: readonly Word[];
    }
  | { readonly effect: "compare"; readonly peer: PeerKey; readonly lines: readonly Line[] }
  /** What that peer wanted to know, in a message of its own. */
  | { readonly effect: "tell"; readonly peer: PeerKey; readonly message: ProbeMessage }
  | { readonly effect: "broadcast"; readonly words: readonly Word[] }
  | { readonly effect: "redial" | "hang-up" | "changed"; readonly peer: PeerKey }
  /** Instead of any other time before. */
  | { readonly effect: "wake"; readonly atMs: number }
  | { readonly effect: "isolation" };

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

/** News goes along with probes for this long. */
const NEWS_MS = 20_000;
const NEWS_AT_ONCE = 8;

/** Asked to try when somebody does not answer: as in SWIM and serf. */
const HELPERS = 3;

/** A dial that fails sooner was refused: nobody listens there. A machine that is cut off does not answer at all. */
const REFUSED_WITHIN_MS = 1_000;
/** A connection was lost; after this long without a new one its other end is a suspect. */
const REDIAL_MS = 500;
/** After it has lost its last connection, a node doubts everybody. */
const LONE_MS = 2_000;

/** Some members cannot be dialled from everywhere: one that has just defended itself is not doubted for that. */
const DEFENDED_MS = 60_000;

/**
 * A connection over which nothing has come for so long is worth nothing. A process that is stopped for ten seconds
 * keeps its connections.
 */
const MUTE_MS = 12_000;

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

const NOTHING: readonly DetectorEffect[] = [];

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
  #own: Word;
  #ownNewsMs = Number.NEGATIVE_INFINITY;
  #announceMs = Number.POSITIVE_INFINITY;
  readonly #accused = new Set<Entry>();
  /** Unreachable, and not an alarm yet. */
  readonly #away = new Set<Entry>();
  readonly #alarms = new Set<Entry>();
  /** Lost a moment ago, and when to doubt them. */
  readonly #lost = new Map<PeerKey, { readonly sinceMs: number; readonly doubtMs: number }>();
  /** Whose word has changed, the newest last, and when. */
  readonly #news = new Map<PeerKey, number>();
  #changedMs = Number.NEGATIVE_INFINITY;
  #loneMs: number | null;
  #isolation: { readonly state: "seeing" | "isolated"; readonly sinceMs: number };
  /** Since when this node was awake and not isolated. */
  #sureMs: number;
  #wakeMs = Number.POSITIVE_INFINITY;
  #nowMs: number;
  #effects: DetectorEffect[] = [];
  #state: "running" | "leaving" = "running";

  constructor(options: DetectorOptions) {
    const { incarnation, nowMs, random, self, voice } = options;
    this.#options = options;
    this.#contacts = new Contacts(random);
    const first = Math.min(Math.max(1, Math.floor(incarnation)), MAX_INCARNATION);
    this.#table = new Table(self, first);
    const signature = voice.sign("alive", first);
    this.#own = { member: self, incarnation: first, status: "alive", accusers: [], signature };
    this.#isolation = { state: "seeing", sinceMs: nowMs };
    this.#sureMs = nowMs;
    this.#loneMs = nowMs;
    this.#nowMs = nowMs;
  }

  /** What is to be done now; the state has changed. */
  step(event: DetectorEvent, nowMs: number): readonly DetectorEffect[] {
    this.#nowMs = nowMs;
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
    return this.#takeEffects();
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
    this.#nowMs = nowMs;
    const theirs = new Map(lines.map((line) => [line.member, line]));
    const words: Word[] = [];
    const wanted: PeerKey[] = [];
    const isQuiet = this.#isolation.state === "isolated";
    for (const entry of this.#table.entries) {
      const line = theirs.get(entry.member);
      if (line !== undefined && isQuiet && line.standing === "alive" && line.incarnation === entry.incarnation) {
        if (entry.status === "unreachable") this.#alive(entry, nowMs);
      }
      const order = orderOf(entry, line);
      if (order < 0) wanted.push(entry.member);
      else if (order > 0 && !(isQuiet && entry.status === "unreachable")) words.push(wordOf(entry));
    }
    const mine = theirs.get(this.#options.self);
    if (mine === undefined || mine.incarnation < this.#own.incarnation) words.push(this.#own);
    else if (mine.incarnation > this.#own.incarnation || mine.standing !== "alive") wanted.push(this.#options.self);
    this.#look(nowMs);
    const answer = { words: words.slice(0, MAX_WORDS), wanted: wanted.slice(0, MAX_WORDS) };
    return { answer, effects: this.#takeEffects() };
  }

  readonly named = (prefix: string): PeerKey | undefined => this.#table.named(prefix);

  verdictOf(member: PeerKey): { readonly verdict: Verdict; readonly sinceMs: number } | null {
    const entry = this.#table.get(member);
    if (entry === undefined) return null;
    return { verdict: this.#alarms.has(entry) ? "alarm" : verdictOf(entry.status), sinceMs: entry.sinceMs };
  }

  get isolation(): { readonly state: "seeing" | "isolated"; readonly sinceMs: number } {
    return this.#isolation;
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
    for (const group of [this.#accused, this.#away, this.#alarms]) {
      for (const entry of group) if (this.#table.get(entry.member) !== entry) group.delete(entry);
    }
    for (const known of [this.#news, this.#lost]) {
      for (const member of known.keys()) if (this.#table.get(member) === undefined) known.delete(member);
    }
    if (this.#loneMs !== null) this.#wakeBy(this.#loneMs + LONE_MS);
    // Whoever was connected before it became a member.
    for (const { peer } of this.#contacts.all) this.#seen(peer, nowMs);
  }

  #opened(peer: PeerKey, nowMs: number): void {
    const contact = this.#contacts.open(peer, nowMs);
    this.#lost.delete(peer);
    this.#loneMs = null;
    if (!Number.isFinite(this.#announceMs) && this.#ownNewsMs === Number.NEGATIVE_INFINITY) {
      this.#announceMs = nowMs + ANNOUNCE_MS;
      this.#wakeBy(this.#announceMs);
    }
    this.#seen(peer, nowMs);
    this.#wakeBy(contact.checkMs);
  }

  /** Its connection proves that it runs. Others may doubt it: then it has to defend itself, if it can. */
  #seen(peer: PeerKey, nowMs: number): void {
    const entry = this.#table.get(peer);
    if (entry === undefined) return;
    const isFirst = entry.status === null || entry.incarnation === 0;
    const isForgiven = this.#isolation.state === "isolated" && entry.status === "unreachable";
    if (isFirst || isForgiven) this.#alive(entry, nowMs);
  }

  #closed(peer: PeerKey, by: "agreement" | "them", nowMs: number): void {
    const contact = this.#contacts.close(peer);
    if (contact === undefined) return;
    const entry = this.#table.get(peer);
    if (entry !== undefined) entry.aliveMs = Math.max(entry.aliveMs ?? contact.heardMs, contact.heardMs);
    if (this.#contacts.size === 0) {
      this.#loneMs ??= nowMs;
      this.#wakeBy(this.#loneMs + LONE_MS);
    }
    if (by === "agreement" || contact.isLeaving || this.#state === "leaving" || entry === undefined) return;
    if (entry.status === "left" || entry.status === "unreachable") return;
    // Nothing was ever said over it: this node was not let in.
    if (contact.rttMs === null) return;
    const doubtMs = nowMs + REDIAL_MS * this.#health.multiplier;
    this.#lost.set(peer, { sinceMs: nowMs, doubtMs });
    this.#effects.push({ effect: "redial", peer });
    this.#wakeBy(doubtMs);
  }

  #heard(peer: PeerKey, nowMs: number): void {
    const contact = this.#contacts.get(peer);
    if (contact === undefined) return;
    this.#contacts.heard(contact, nowMs);
    this.#loneMs = null;
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
    if (contact.probe?.id === probe) {
      this.#contacts.measured(contact, nowMs - contact.probe.sentMs);
      this.#health.improve();
    }
    this.#contacts.heard(contact, nowMs);
    this.#loneMs = null;
    this.#seen(peer, nowMs);
    contact.isIntroduced = true;
    if (message === null) return;
    for (const word of message.words) this.#take(word, "request", peer, nowMs);
    if (equalBytes(message.digest, this.#table.digest)) return;
    const { comparedMs } = contact;
    const isSettled = nowMs - this.#changedMs >= SETTLED_MS && nowMs - (comparedMs ?? 0) >= SETTLED_MS;
    if (comparedMs !== null && !isSettled) return;
    contact.comparedMs = nowMs;
    const lines = this.#table.lines();
    const told =
      this.#isolation.state === "isolated" ? lines.filter(({ standing }) => standing !== "unreachable") : lines;
    this.#effects.push({ effect: "compare", peer, lines: told });
  }

  #compared(peer: PeerKey, { words, wanted }: CompareAnswer, nowMs: number): void {
    for (const word of words) this.#take(word, "compared", peer, nowMs);
    const asked = wanted.flatMap((member) => {
      const entry = this.#table.get(member);
      return entry === undefined ? (member === this.#options.self ? [this.#own] : []) : [wordOf(entry)];
    });
    if (asked.length === 0) return;
    this.#effects.push({
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
    if (answer === null) return;
    for (const word of answer.words) this.#take(word, "request", by, nowMs);
    switch (answer.outcome) {
      case "answers":
        // Only the way from here is bad. It is asked again, and the connection ends if it stays so.
        if (contact !== undefined && probe !== null) this.#contacts.failed(contact, nowMs);
        break;
      case "refused":
      case "silent": {
        // A confirmation, if this node accuses it as well.
        const entry = this.#table.get(about);
        if (entry?.suspicion?.has(this.#options.self)) this.#accuse(entry, by, answer.outcome, nowMs);
        else probe?.deniedBy.push(by);
        break;
      }
      case "not-connected":
        break;
    }
  }

  #dialFailed(peer: PeerKey, tookMs: number, nowMs: number): void {
    const entry = this.#table.get(peer);
    if (entry === undefined || this.#contacts.get(peer) !== undefined || this.#state === "leaving") return;
    // Begun before this node stood still: it was not heard, that is all.
    if (nowMs - tookMs < this.#sureMs) return;
    const lost = this.#lost.get(peer);
    if (lost === undefined) {
      if (entry.status !== "alive" || nowMs - entry.defendedMs < DEFENDED_MS) return;
      this.#accuse(entry, this.#options.self, "silent", nowMs);
      this.#sendOthers(entry, HELPERS, "anybody");
      return;
    }
    if (tookMs >= REFUSED_WITHIN_MS) return;
    this.#lost.delete(peer);
    if (this.#accuse(entry, this.#options.self, "refused", nowMs)) this.#sendOthers(entry, HELPERS, "anybody");
  }

  #goodbye(nowMs: number): void {
    this.#state = "leaving";
    const { incarnation } = this.#own;
    const { self, voice } = this.#options;
    this.#own = { member: self, incarnation, status: "left", accusers: [], signature: voice.sign("left", incarnation) };
    this.#table.setOwn(incarnation, "left");
    this.#ownNewsMs = nowMs;
    if (this.#contacts.size > 0) this.#effects.push({ effect: "broadcast", words: [this.#own] });
    for (const { peer } of this.#contacts.all) {
      this.#effects.push({ effect: "tell", peer, message: this.messageFor(peer, nowMs) });
    }
  }

  #woke(nowMs: number): void {
    const lateMs = nowMs - this.#wakeMs;
    if (lateMs >= LATE_MS) this.#contacts.forgive(lateMs, nowMs, "delay");
    this.#wakeMs = Number.POSITIVE_INFINITY;
    for (const contact of this.#contacts.all) this.#check(contact, nowMs);
    for (const [peer, { doubtMs }] of this.#lost) if (doubtMs <= nowMs) this.#doubtLost(peer, nowMs);
    if (this.#loneMs === null && this.#isDeaf(nowMs)) this.#loneMs = nowMs - LONE_MS;
    if (this.#isLone(nowMs)) this.#doubtAll(nowMs);
    for (const entry of this.#accused) if ((entry.suspicion?.dueMs ?? 0) <= nowMs) this.#judge(entry, nowMs);
    if (this.#announceMs <= nowMs) {
      this.#announceMs = Number.POSITIVE_INFINITY;
      this.#announce(nowMs);
    }
    if (this.#isolation.state === "seeing") for (const entry of this.#away) this.#alarm(entry, nowMs);
    this.#wakeBy(this.#nextMs(nowMs));
  }

  #alarm(entry: Entry, nowMs: number): void {
    if (this.#alarmMs(entry) > nowMs) return;
    this.#away.delete(entry);
    this.#alarms.add(entry);
    this.#effects.push({ effect: "changed", peer: entry.member });
  }

  /** Its own timer is long overdue, whatever comes first now. */
  #noticeStop(nowMs: number): void {
    const lateMs = nowMs - this.#wakeMs;
    if (lateMs < STOOD_STILL_MS) return;
    this.#wakeMs = nowMs;
    this.#health.worsen();
    this.#contacts.forgive(lateMs, nowMs, "all");
    this.#sureMs = nowMs;
    for (const { suspicion } of this.#accused) suspicion?.extend(nowMs);
    for (const [peer, { sinceMs }] of this.#lost) this.#lost.set(peer, { sinceMs, doubtMs: nowMs + REDIAL_MS });
    if (this.#loneMs !== null) this.#loneMs = nowMs;
  }

  #check(contact: Contact, nowMs: number): void {
    if (contact.silentFromMs !== null && nowMs - contact.silentFromMs >= MUTE_MS) {
      contact.silentFromMs = nowMs;
      this.#effects.push({ effect: "hang-up", peer: contact.peer });
    }
    const { probe } = contact;
    const entry = this.#table.get(contact.peer);
    if (probe === null) {
      if (contact.checkMs <= nowMs) this.#probe(contact, nowMs);
      return;
    }
    if (probe.stage === "asked" && probe.othersMs <= nowMs) {
      probe.stage = "others-asked";
      // Who accuses it already has had others ask.
      const asksOthers = entry?.suspicion?.has(this.#options.self) !== true && entry?.status !== "unreachable";
      if (entry !== undefined && asksOthers) probe.errands = this.#sendOthers(entry, HELPERS, "connected");
    }
    if (probe.failsMs > nowMs) return;
    // Nobody answers: more likely this node is deaf than all of them are dumb.
    this.#health.worsen(probe.errands > 0 && probe.returned === 0 ? probe.errands : probe.returned === 0 ? 1 : 0);
    if (probe.errands > 0 && probe.returned === 0) this.#checkAll(nowMs);
    this.#contacts.failed(contact, nowMs);
    if (entry === undefined) return;
    this.#accuse(entry, this.#options.self, "silent", nowMs);
    for (const by of probe.deniedBy) this.#accuse(entry, by, "silent", nowMs);
  }

  /** How many were sent. */
  #sendOthers(entry: Entry, count: number, whom: "connected" | "anybody"): number {
    const helpers = this.#contacts.helpers(entry.member, count);
    const words = entry.status === "alive" ? [] : [wordOf(entry)];
    for (const by of helpers) {
      this.#effects.push({ effect: "errand", by, about: entry.member, mayDial: whom === "anybody", words });
    }
    return helpers.length;
  }

  /** Neither the one nor those who were to ask it have answered: whoever is deaf must know soon. */
  #checkAll(nowMs: number): void {
    for (const contact of this.#contacts.all) {
      if (contact.probe === null && nowMs - contact.heardMs >= HEARD_MS) this.#probe(contact, nowMs);
    }
  }

  #probe(contact: Contact, nowMs: number): void {
    const { id } = this.#contacts.begin(contact, nowMs, this.#health.multiplier);
    const { peer } = contact;
    this.#effects.push({ effect: "probe", peer, probe: id, message: this.messageFor(peer, nowMs) });
    this.#wakeBy(dueOf(contact));
  }

  #doubtLost(peer: PeerKey, nowMs: number): void {
    const lost = this.#lost.get(peer);
    const entry = this.#table.get(peer);
    if (lost === undefined || entry === undefined) return;
    // The dial may still be refused: then it is known what this is.
    this.#lost.set(peer, { sinceMs: lost.sinceMs, doubtMs: Number.POSITIVE_INFINITY });
    this.#accuse(entry, this.#options.self, "silent", nowMs);
    this.#sendOthers(entry, HELPERS, "anybody");
  }

  /** Of all who are connected nobody answers. */
  #isDeaf(nowMs: number): boolean {
    for (const { silentFromMs } of this.#contacts.all) {
      if (silentFromMs === null || nowMs - silentFromMs < LONE_MS) return false;
    }
    return this.#contacts.size > 0;
  }

  #isLone(nowMs: number): boolean {
    return this.#loneMs !== null && nowMs - this.#loneMs >= LONE_MS;
  }

  /** Nobody is left who could vouch for anybody. */
  #doubtAll(nowMs: number): void {
    for (const entry of this.#table.entries) {
      if (entry.status !== "alive") continue;
      this.#accuse(entry, this.#options.self, "silent", nowMs);
      entry.suspicion?.confirm();
    }
  }

  /** False if it is no news, or too late for it. */
  #accuse(entry: Entry, accuser: PeerKey, accusation: Accusation, nowMs: number): boolean {
    if (entry.status !== "alive" && !isDoubt(entry.status)) return false;
    const suspicion = entry.suspicion ?? new Suspicion(nowMs, this.#table.size);
    if (!suspicion.add(accuser, accusation)) return false;
    if (entry.suspicion === null) {
      entry.suspicion = suspicion;
      this.#accused.add(entry);
    }
    const isFirst = entry.status === "alive";
    this.#table.set(entry, { status: suspicion.accusation }, nowMs);
    if (isFirst) this.#effects.push({ effect: "changed", peer: entry.member });
    const { self } = this.#options;
    this.#tell(entry, nowMs);
    // What somebody says who hears nobody waits in connections that are dead, and comes when it is not true any more.
    if (accuser === self && suspicion.size <= CONFIRMATIONS + 1 && !this.#isLone(nowMs)) {
      this.#effects.push({ effect: "broadcast", words: [{ ...wordOf(entry), status: accusation, accusers: [self] }] });
    }
    if (suspicion.isProven(Math.min(REFUSALS, this.#table.size))) this.#judge(entry, nowMs);
    else this.#wakeBy(suspicion.dueMs);
    // Whoever is connected to it looks for itself, and tells it.
    const contact = this.#contacts.get(entry.member);
    if (accuser !== self && contact?.probe === null) this.#probe(contact, nowMs);
    return true;
  }

  /** It had its time. */
  #judge(entry: Entry, nowMs: number): void {
    const isAccuser = entry.suspicion?.has(this.#options.self) === true;
    this.#unreachable(entry, nowMs);
    if (isAccuser && !this.#isLone(nowMs)) this.#effects.push({ effect: "broadcast", words: [wordOf(entry)] });
  }

  #unreachable(entry: Entry, nowMs: number): void {
    this.#settle(entry);
    this.#table.set(entry, { status: "unreachable" }, nowMs);
    this.#away.add(entry);
    this.#wakeBy(this.#alarmMs(entry));
    this.#changed(entry, nowMs);
  }

  #alive(entry: Entry, nowMs: number): void {
    if (isDoubt(entry.status)) entry.defendedMs = nowMs;
    this.#settle(entry);
    if (entry.status === "alive") return;
    this.#table.set(entry, { status: "alive" }, nowMs);
    this.#changed(entry, nowMs);
  }

  #settle(entry: Entry): void {
    entry.suspicion = null;
    this.#accused.delete(entry);
    this.#away.delete(entry);
    this.#alarms.delete(entry);
    this.#lost.delete(entry.member);
  }

  #changed(entry: Entry, nowMs: number): void {
    this.#effects.push({ effect: "changed", peer: entry.member });
    this.#tell(entry, nowMs);
    this.#changedMs = nowMs;
  }

  #tell({ member, incarnation }: Entry, nowMs: number): void {
    this.#news.delete(member);
    if (incarnation > 0) this.#news.set(member, nowMs);
  }

  #announce(nowMs: number): void {
    this.#ownNewsMs = nowMs;
    this.#effects.push({ effect: "broadcast", words: [this.#own] });
  }

  #take(word: Word, by: "broadcast" | "request" | "compared", teller: PeerKey, nowMs: number): void {
    const { self, voice } = this.#options;
    if (word.member === self) return this.#takeOwn(word, nowMs);
    const entry = this.#table.get(word.member);
    if (entry === undefined || word.incarnation < entry.incarnation) return;
    const { incarnation, signature, status } = word;
    const wasUnknown = entry.status === null;
    if (incarnation > entry.incarnation) {
      if (!voice.isOwn(word.member, status === "left" ? "left" : "alive", incarnation, signature)) return;
      this.#table.set(entry, { incarnation, signature }, nowMs);
      this.#changedMs = nowMs;
      if (status === "alive" || !wasUnknown) this.#alive(entry, nowMs);
      this.#tell(entry, nowMs);
    } else if (
      status === "left" &&
      entry.status !== "left" &&
      !voice.isOwn(word.member, "left", incarnation, signature)
    ) {
      return;
    }
    switch (status) {
      case "alive":
        // Whoever is isolated has nothing to set against the word of the others.
        if (
          by === "compared" &&
          incarnation > 0 &&
          this.#isolation.state === "isolated" &&
          entry.status === "unreachable"
        ) {
          this.#alive(entry, nowMs);
        }
        break;
      case "silent":
      case "refused":
        if (wasUnknown && incarnation > 0) this.#alive(entry, nowMs);
        for (const accuser of word.accusers) {
          if (accuser !== self && accuser !== word.member) this.#accuse(entry, accuser, status, nowMs);
        }
        break;
      case "unreachable":
        this.#takeVerdict(entry, by, teller, nowMs);
        break;
      case "left":
        if (entry.status === "left") break;
        this.#settle(entry);
        this.#table.set(entry, { status: "left", signature }, nowMs);
        this.#changed(entry, nowMs);
        break;
    }
  }

  /** Somebody holds it for unreachable. */
  #takeVerdict(entry: Entry, by: "broadcast" | "request" | "compared", teller: PeerKey, nowMs: number): void {
    switch (entry.status) {
      case "unreachable":
      case "left":
        return;
      case null:
        // Of somebody who has never spoken nobody can say that it has stopped.
        if (entry.incarnation > 0) this.#unreachable(entry, nowMs);
        return;
      case "alive":
      case "silent":
      case "refused": {
        const contact = this.#contacts.get(entry.member);
        const answersHere = contact !== undefined && contact.silentFromMs === null;
        if (by === "broadcast" && !answersHere) return this.#unreachable(entry, nowMs);
        // Two halves meet, or news that is old: it may defend itself first.
        const isNews = this.#accuse(entry, teller, "silent", nowMs);
        entry.suspicion?.confirm();
        if (entry.suspicion !== null) this.#wakeBy(entry.suspicion.dueMs);
        if (isNews && by === "compared") this.#effects.push({ effect: "broadcast", words: [wordOf(entry)] });
      }
    }
  }

  /** What others hold of this node. Whatever is not so is refuted with the next incarnation. */
  #takeOwn({ incarnation, status, signature }: Word, nowMs: number): void {
    const { self, voice } = this.#options;
    if (this.#state === "leaving" || incarnation < this.#own.incarnation || incarnation >= MAX_INCARNATION) return;
    if (incarnation === this.#own.incarnation && status === "alive") return;
    const said = status === "left" ? "left" : "alive";
    if (incarnation > this.#own.incarnation && !voice.isOwn(self, said, incarnation, signature)) return;
    if (isDoubt(status) || status === "unreachable") this.#health.worsen();
    const next = incarnation + 1;
    this.#own = {
      member: self,
      incarnation: next,
      status: "alive",
      accusers: [],
      signature: voice.sign("alive", next),
    };
    this.#table.setOwn(next, "alive");
    this.#changedMs = nowMs;
    this.#announce(nowMs);
  }

  #wordsFor(peer: PeerKey, nowMs: number): readonly Word[] {
    const words: Word[] = [];
    const entry = this.#table.get(peer);
    const isQuiet = this.#isolation.state === "isolated";
    // First of all: what it may want to refute (Lifeguard, "buddy").
    if (entry !== undefined && entry.status !== null && entry.status !== "alive") words.push(wordOf(entry));
    const isIntroduced = this.#contacts.get(peer)?.isIntroduced === true;
    if (!isIntroduced || nowMs - this.#ownNewsMs < NEWS_MS) words.push(this.#own);
    if (this.#news.size === 0) return words;
    for (const [member, atMs] of this.#news) if (nowMs - atMs >= NEWS_MS) this.#news.delete(member);
    const newest = [...this.#news.keys()].slice(-NEWS_AT_ONCE);
    for (const member of newest.reverse()) {
      const told = member === peer ? undefined : this.#table.get(member);
      if (told === undefined || (isQuiet && told.status !== "alive" && told.status !== "left")) continue;
      words.push(wordOf(told));
    }
    return words;
  }

  /** Whether this node is the isolated one, and which absences are alarms by now. */
  #look(nowMs: number): void {
    const fleet = this.#table.size + 1 - this.#table.left;
    const state = (this.#isLone(nowMs) && fleet > 2) || 2 * (this.#table.alive + 1) < fleet ? "isolated" : "seeing";
    if (state !== this.#isolation.state) {
      this.#isolation = { state, sinceMs: nowMs };
      this.#effects.push({ effect: "isolation" });
      if (state === "seeing") this.#sureMs = nowMs;
      else this.#retract(nowMs);
      this.#wakeBy(this.#nextMs(nowMs));
    }
  }

  /** Whoever is isolated raises nothing. */
  #retract(nowMs: number): void {
    this.#sureMs = nowMs;
    for (const entry of this.#alarms) {
      this.#away.add(entry);
      this.#effects.push({ effect: "changed", peer: entry.member });
    }
    this.#alarms.clear();
  }

  #alarmMs(entry: Entry): number {
    const windowMs = this.#options.alarmAfterMs(entry.member);
    return windowMs === null ? Number.POSITIVE_INFINITY : Math.max(entry.sinceMs, this.#sureMs) + windowMs;
  }

  #nextMs(nowMs: number): number {
    let nextMs = this.#announceMs;
    for (const contact of this.#contacts.all) {
      nextMs = Math.min(nextMs, dueOf(contact), (contact.silentFromMs ?? Number.POSITIVE_INFINITY) + MUTE_MS);
    }
    for (const { doubtMs } of this.#lost.values()) nextMs = Math.min(nextMs, doubtMs);
    for (const { suspicion } of this.#accused) nextMs = Math.min(nextMs, suspicion?.dueMs ?? nextMs);
    if (this.#isolation.state === "seeing")
      for (const entry of this.#away) nextMs = Math.min(nextMs, this.#alarmMs(entry));
    if (this.#loneMs !== null && !this.#isLone(nowMs)) nextMs = Math.min(nextMs, this.#loneMs + LONE_MS);
    return nextMs;
  }

  #wakeBy(dueMs: number): void {
    const atMs = Math.max(dueMs, this.#nowMs);
    if (atMs >= this.#wakeMs) return;
    this.#wakeMs = atMs;
    this.#effects.push({ effect: "wake", atMs });
  }

  #takeEffects(): readonly DetectorEffect[] {
    if (this.#effects.length === 0) return NOTHING;
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}

/** Which of the two knows more: positive if it is this node, 0 if both know the same. */
function orderOf(entry: Entry, line: Line | undefined): number {
  const mine = entry.incarnation > 0 && entry.status !== null ? standingOf(entry.status) : null;
  if (line === undefined) return mine === null ? 0 : 1;
  if (mine === null) return -1;
  if (entry.incarnation !== line.incarnation) return entry.incarnation - line.incarnation;
  return RANK[mine] - RANK[line.standing];
}

const RANK = { alive: 0, unreachable: 1, left: 2 } as const;

function verdictOf(status: Status | null): Verdict {
  switch (status) {
    case null:
      return "unknown";
    case "silent":
    case "refused":
      return "suspect";
    case "alive":
    case "unreachable":
    case "left":
      return status;
  }
}
