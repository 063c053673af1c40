import type { PeerKey } from "../../core/ports/link.ts";
import type { Alarms } from "./alarms.ts";
import type { Contacts } from "./contacts.ts";
import type { News } from "./news.ts";
import { type Accusation, CONFIRMATIONS, REFUSALS, Suspicion } from "./suspicion.ts";
import { type Entry, isDoubt, type Table, wordOf } from "./table.ts";
import type { Wishes } from "./wishes.ts";
import type { Voice, Word } from "./word.ts";

/** How a word came: the newest by broadcast; what somebody holds, with a probe or by comparing tables. */
export type Way = "broadcast" | "request" | "compared";

export interface OpinionsParts {
  readonly self: PeerKey;
  readonly voice: Voice;
  readonly table: Table;
  readonly contacts: Contacts;
  readonly alarms: Alarms;
  readonly news: News;
  readonly wishes: Wishes;
  /** Nobody is connected who answers: what this node says is worth nothing, and nobody hears it. */
  isLone(nowMs: number): boolean;
  /** Whoever is connected to a suspect looks for itself, and tells it. */
  look(member: PeerKey, nowMs: number): void;
}

/** From words and accusations to verdicts. */
export class Opinions {
  readonly #parts: OpinionsParts;
  readonly #accused = new Set<Entry>();
  /** Of a standing, last. */
  #changedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: OpinionsParts) {
    this.#parts = parts;
  }

  get changedMs(): number {
    return this.#changedMs;
  }

  /** When the next suspect has had its time. */
  get nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { suspicion } of this.#accused) nextMs = Math.min(nextMs, suspicion?.dueMs ?? nextMs);
    return nextMs;
  }

  forget(isKnown: (entry: Entry) => boolean): void {
    for (const entry of this.#accused) if (!isKnown(entry)) this.#accused.delete(entry);
  }

  /** This node was not there to hear a defence. */
  stoodStill(nowMs: number): void {
    for (const { suspicion } of this.#accused) suspicion?.extend(nowMs);
  }

  judge(nowMs: number): void {
    for (const entry of this.#accused) if ((entry.suspicion?.dueMs ?? 0) <= nowMs) this.#judge(entry, nowMs);
  }

  /** Nobody is left who could vouch for anybody. */
  doubtAll(nowMs: number): void {
    const { table, wishes } = this.#parts;
    for (const entry of table.entries) {
      if (entry.status !== "alive") continue;
      const suspicion = this.#suspect(entry, nowMs);
      suspicion.losesSight();
      table.set(entry, { status: suspicion.accusation }, nowMs);
      wishes.add({ effect: "changed", peer: entry.member });
      wishes.wakeBy(suspicion.dueMs);
    }
  }

  /**
   * Somebody is: that this node heard nobody, and lost one connection after the other before that, speaks against nobody
   * any more. Whom it accused has not heard of that, and could not answer.
   */
  trustAgain(nowMs: number): void {
    const { self } = this.#parts;
    for (const entry of this.#accused) {
      if (entry.suspicion?.regainsSight(self) !== true) continue;
      this.#settle(entry);
      // It has not defended itself, and this is nothing to pass on.
      this.#parts.table.set(entry, { status: "alive" }, nowMs);
      this.#parts.wishes.add({ effect: "changed", peer: entry.member });
    }
  }

  /** False if it is no news, or too late for it. */
  accuse(entry: Entry, accuser: PeerKey, accusation: Accusation, nowMs: number): boolean {
    if (entry.status !== "alive" && !isDoubt(entry.status)) return false;
    const { self } = this.#parts;
    const suspicion = this.#suspect(entry, nowMs);
    if (!suspicion.add(accuser, accusation)) return false;
    const isFirst = entry.status === "alive";
    this.#parts.table.set(entry, { status: suspicion.accusation }, nowMs);
    if (isFirst) this.#parts.wishes.add({ effect: "changed", peer: entry.member });
    this.#tell(entry, nowMs);
    // What somebody says who hears nobody waits in connections that are dead, and comes when it is not true any more.
    if (accuser === self && suspicion.size <= CONFIRMATIONS + 1 && !this.#parts.isLone(nowMs)) {
      this.#parts.wishes.add({
        effect: "broadcast",
        words: [{ ...wordOf(entry), status: accusation, accusers: [self] }],
      });
    }
    if (suspicion.isProven(Math.min(REFUSALS, this.#parts.table.size))) this.#judge(entry, nowMs);
    else this.#parts.wishes.wakeBy(suspicion.dueMs);
    if (accuser !== self) this.#parts.look(entry.member, nowMs);
    return true;
  }

  #suspect(entry: Entry, nowMs: number): Suspicion {
    entry.suspicion ??= new Suspicion(nowMs, this.#parts.table.size);
    this.#accused.add(entry);
    return entry.suspicion;
  }

  /** It had its time. */
  #judge(entry: Entry, nowMs: number): void {
    const isAccuser = entry.suspicion?.has(this.#parts.self) === true;
    this.#unreachable(entry, nowMs);
    if (isAccuser && !this.#parts.isLone(nowMs))
      this.#parts.wishes.add({ effect: "broadcast", words: [wordOf(entry)] });
  }

  #unreachable(entry: Entry, nowMs: number): void {
    this.#settle(entry);
    this.#parts.table.set(entry, { status: "unreachable" }, nowMs);
    this.#parts.alarms.left(entry);
    this.#parts.wishes.wakeBy(this.#parts.alarms.nextMs);
    this.#changed(entry, nowMs);
  }

  alive(entry: Entry, nowMs: number): void {
    if (isDoubt(entry.status)) entry.defendedMs = nowMs;
    this.#settle(entry);
    if (entry.status === "alive") return;
    this.#parts.table.set(entry, { status: "alive" }, nowMs);
    this.#changed(entry, nowMs);
  }

  /**
   * Nobody can look whether it is there. If only a connection spoke for it, and that is gone, it is like one that was
   * never heard of: it has joined, and whether an agent ever ran on it is not known.
   */
  forgo(member: PeerKey, nowMs: number): void {
    const { contacts, table } = this.#parts;
    const entry = table.get(member);
    if (entry === undefined || entry.status === null || entry.incarnation > 0) return;
    if (contacts.get(member) !== undefined) return;
    this.#settle(entry);
    table.set(entry, { status: null }, nowMs);
    this.#changed(entry, nowMs);
  }

  #settle(entry: Entry): void {
    entry.suspicion = null;
    this.#accused.delete(entry);
    this.#parts.alarms.returned(entry);
  }

  #changed(entry: Entry, nowMs: number): void {
    this.#parts.wishes.add({ effect: "changed", peer: entry.member });
    this.#tell(entry, nowMs);
    this.#changedMs = nowMs;
  }

  #tell({ member, incarnation }: Entry, nowMs: number): void {
    if (incarnation > 0) this.#parts.news.tell(member, nowMs);
  }

  take(word: Word, by: Way, teller: PeerKey, nowMs: number): void {
    const { self, table, voice } = this.#parts;
    const entry = table.get(word.member);
    if (entry === undefined || word.incarnation < entry.incarnation) return;
    const { incarnation, signature, status } = word;
    const wasUnknown = entry.status === null;
    if (incarnation > entry.incarnation) {
      if (!voice.isOwn(word.member, status === "left" ? "left" : "alive", incarnation, signature)) return;
      this.#parts.table.set(entry, { incarnation, signature }, nowMs);
      this.#changedMs = nowMs;
      if (status === "alive" || !wasUnknown) this.alive(entry, nowMs);
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
          this.#parts.alarms.sight.state === "isolated" &&
          entry.status === "unreachable"
        ) {
          this.alive(entry, nowMs);
        }
        break;
      case "silent":
      case "refused":
        if (wasUnknown && incarnation > 0) this.alive(entry, nowMs);
        for (const accuser of word.accusers) {
          if (accuser !== self && accuser !== word.member) this.accuse(entry, accuser, status, nowMs);
        }
        break;
      case "unreachable":
        this.#takeVerdict(entry, by, teller, nowMs);
        break;
      case "left":
        if (entry.status === "left") break;
        this.#settle(entry);
        this.#parts.table.set(entry, { status: "left", signature }, nowMs);
        this.#changed(entry, nowMs);
        break;
    }
  }

  /** Somebody holds it for unreachable. */
  #takeVerdict(entry: Entry, by: Way, teller: PeerKey, nowMs: number): void {
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
        const contact = this.#parts.contacts.get(entry.member);
        const answersHere = contact !== undefined && contact.silentFromMs === null;
        if (by === "broadcast" && !answersHere) return this.#unreachable(entry, nowMs);
        // Two halves meet, or news that is old: it may defend itself first.
        const isNews = this.accuse(entry, teller, "silent", nowMs);
        entry.suspicion?.confirm();
        if (entry.suspicion !== null) this.#parts.wishes.wakeBy(entry.suspicion.dueMs);
        if (isNews && by === "compared") this.#parts.wishes.add({ effect: "broadcast", words: [wordOf(entry)] });
      }
    }
  }
}
