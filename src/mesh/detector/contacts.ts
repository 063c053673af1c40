import type { PeerKey } from "../../core/ports/link.ts";
import type { Random } from "../../core/ports/random.ts";
import { around } from "../timing.ts";

/**
 * A node asks one of its connections each period, each in its turn, and whatever comes over a connection counts as its
 * answer: a fleet that is busy is not asked at all. A member has as many connections as it asks, so it is asked once per
 * period as well, however large the fleet is. Both ends take turns, so that a node sends half of that; serf's period is
 * one second, of which its detection takes three in bad cases, and these are to be no worse.
 */
const PERIOD_MS = 700;
/** With fewer connections than this the turn does not come sooner. */
const SLOWEST_TURN_FROM = 2;

/**
 * Connections that were made together, or that have all just asked the same suspect, must not go on together: then
 * nobody would ask for a whole turn.
 */
const SPREAD = 0.5;

/** A new connection is asked at once, for its speed, and to compare what both know. */
const FIRST_MS = 200;
/** A probe that failed is repeated: the suspect has to be told. */
const AGAIN_MS = 1_000;

/** As in serf: this long for an answer, the same again for others to try. Slow ways get longer, as in RFC 6298. */
const ANSWER_MS = 500;

/**
 * A connection over which nothing has come for so long is worth nothing. A process that is stopped for ten seconds
 * keeps its connections.
 */
const MUTE_MS = 12_000;

/** Weights of the newest measurement, RFC 6298. */
const SMOOTHING = 1 / 8;
const DEVIATION_SMOOTHING = 1 / 4;

export interface Probe {
  readonly id: number;
  readonly sentMs: number;
  /** From here on others are asked to try. */
  othersMs: number;
  /** From here on it has failed. */
  failsMs: number;
  stage: "asked" | "others-asked";
  /** Errands that are still under way. */
  errands: number;
  /** Of those that were sent, how many came back with anything. */
  returned: number;
  /** Who did not get an answer either. */
  readonly deniedBy: PeerKey[];
}

export interface Contact {
  readonly peer: PeerKey;
  checkMs: number;
  /** Until anything is heard. */
  probe: Probe | null;
  /** The newest one, until it is answered; null once it was repeated, as then two may have been answered (Karn). */
  timed: Probe | null;
  rttMs: number | null;
  deviationMs: number;
  heardMs: number;
  /** When the first probe was sent that has not been answered since; null if all is well. */
  silentFromMs: number | null;
  /** It has this node's own word. */
  isIntroduced: boolean;
  comparedMs: number | null;
  /** It has said that it ends the connection. */
  isLeaving: boolean;
}

/** The members that are connected, and when to ask them. */
export class Contacts {
  readonly #random: Random;
  readonly #all = new Map<PeerKey, Contact>();
  #probes = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  open(peer: PeerKey, nowMs: number): Contact {
    const contact: Contact = {
      peer,
      checkMs: nowMs + this.#random.below(FIRST_MS),
      probe: null,
      timed: null,
      rttMs: null,
      deviationMs: 0,
      heardMs: nowMs,
      silentFromMs: null,
      isIntroduced: false,
      comparedMs: null,
      isLeaving: false,
    };
    this.#all.set(peer, contact);
    return contact;
  }

  close(peer: PeerKey): Contact | undefined {
    const contact = this.#all.get(peer);
    this.#all.delete(peer);
    return contact;
  }

  get(peer: PeerKey): Contact | undefined {
    return this.#all.get(peer);
  }

  get all(): Iterable<Contact> {
    return this.#all.values();
  }

  get size(): number {
    return this.#all.size;
  }

  /** `how`: whether others are to try as well, or have tried already. */
  begin(contact: Contact, nowMs: number, patience: number, how: "first" | "confirms"): Probe {
    const answerMs = patience * Math.max(ANSWER_MS, (contact.rttMs ?? 0) + 4 * contact.deviationMs);
    const probe: Probe = {
      id: this.#probes++,
      sentMs: nowMs,
      othersMs: nowMs + answerMs,
      failsMs: nowMs + (how === "first" ? 2 : 1) * answerMs,
      stage: how === "first" ? "asked" : "others-asked",
      errands: 0,
      returned: 0,
      deniedBy: [],
    };
    contact.probe = probe;
    contact.timed = probe;
    contact.silentFromMs ??= nowMs;
    return probe;
  }

  /** Something came over this connection. */
  heard(contact: Contact, nowMs: number): void {
    contact.heardMs = nowMs;
    contact.silentFromMs = null;
    contact.probe = null;
    // While its speed is not known it is asked all the same.
    contact.checkMs = nowMs + (contact.rttMs === null ? AGAIN_MS : this.#turnMs);
  }

  answered(contact: Contact, probe: number, nowMs: number): void {
    const { timed } = contact;
    if (timed?.id !== probe) return;
    contact.timed = null;
    const tookMs = nowMs - timed.sentMs;
    if (contact.rttMs === null) {
      contact.rttMs = tookMs;
      contact.deviationMs = tookMs / 2;
      return;
    }
    const off = tookMs - contact.rttMs;
    contact.deviationMs += (Math.abs(off) - contact.deviationMs) * DEVIATION_SMOOTHING;
    contact.rttMs += off * SMOOTHING;
  }

  failed(contact: Contact, nowMs: number): void {
    contact.probe = null;
    contact.checkMs = nowMs + AGAIN_MS;
  }

  /** Up to `count` at random that answer, without one. */
  helpers(without: PeerKey, count: number): PeerKey[] {
    const left = this.#answering(without);
    const chosen: PeerKey[] = [];
    while (chosen.length < count && left.length > 0) chosen.push(...left.splice(this.#random.below(left.length), 1));
    return chosen;
  }

  /** Up to `count` that answer, the nearest on the ring first: in a large fleet those are connected to it, if anybody. */
  nearest(member: PeerKey, count: number, without: ReadonlySet<PeerKey>): PeerKey[] {
    const far = (peer: PeerKey): number => {
      const distance = Math.abs(placeOf(peer) - placeOf(member));
      return Math.min(distance, PLACES - distance);
    };
    return this.#answering(member)
      .filter((peer) => !without.has(peer))
      .sort((a, b) => far(a) - far(b) || (a < b ? -1 : 1))
      .slice(0, count);
  }

  #answering(without: PeerKey): PeerKey[] {
    return [...this.#all.values()]
      .filter(({ silentFromMs, probe }) => silentFromMs === null || probe?.stage === "asked")
      .map(({ peer }) => peer)
      .filter((peer) => peer !== without);
  }

  /** This node stood still for a while: what has failed meanwhile has not failed. */
  forgive(lateMs: number, nowMs: number, howMuch: "all" | "delay"): void {
    for (const contact of this.#all.values()) {
      if (howMuch === "all") {
        contact.probe = null;
        contact.silentFromMs = null;
        contact.checkMs = nowMs + this.#random.below(FIRST_MS);
      } else if (contact.probe !== null) {
        contact.probe.othersMs += lateMs;
        contact.probe.failsMs += lateMs;
      }
    }
  }

  get #turnMs(): number {
    return around(this.#random, PERIOD_MS * Math.max(SLOWEST_TURN_FROM, this.#all.size), SPREAD);
  }
}

/** On the ring of keys, as far as twelve of their digits tell. */
const PLACES = 2 ** 48;
function placeOf(key: PeerKey): number {
  return Number.parseInt(key.slice(0, 12), 16);
}

/** When something is to be done about it next. */
export function dueOf({ probe, checkMs }: Contact): number {
  if (probe === null) return checkMs;
  return probe.stage === "asked" ? probe.othersMs : probe.failsMs;
}

/** From when on its connection is worth nothing, if nothing comes. */
export function muteFrom({ silentFromMs }: Contact): number {
  return (silentFromMs ?? Number.POSITIVE_INFINITY) + MUTE_MS;
}
