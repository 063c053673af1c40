import type { PeerKey } from "../../core/ports/link.ts";
import type { Contacts } from "./contacts.ts";
import type { ErrandOutcome } from "./message.ts";
import type { Entry } from "./table.ts";
import type { Wishes } from "./wishes.ts";

/**
 * Some members cannot be dialled from everywhere. Of one that has defended itself so lately, others are asked whether
 * they hear it before it is doubted: else a member would have to defend itself, before all, at every dial that fails.
 */
const DEFENDED_MS = 60_000;
/** So many: as in SWIM and serf. */
const HELPERS = 3;
/** Whoever is asked gives the member 400 ms, and is on a way of its own from here. */
const ANSWERS_MS = 1_000;

export interface InquiriesParts {
  readonly contacts: Contacts;
  readonly wishes: Wishes;
  /** Of those who were asked somebody has answered, and none hears it. */
  unheard(member: PeerKey, nowMs: number): void;
  /** Nobody has answered: that says nothing about the member. */
  unanswered(nowMs: number): void;
}

/** Others were asked whether they hear a member. */
interface Inquiry {
  readonly waitsFor: Set<PeerKey>;
  returned: number;
  readonly dueMs: number;
}

/**
 * Questions to others about members that have defended themselves and cannot be dialled from here. Whoever vouches, or
 * does not answer, is not asked again about the same member before that has defended itself again: a liar keeps a dead
 * one alive until the next dial, and no longer.
 */
export class Inquiries {
  readonly #parts: InquiriesParts;
  readonly #open = new Map<PeerKey, Inquiry>();
  /** By member: when it defended itself, and who has vouched since. */
  readonly #vouchers = new Map<PeerKey, { readonly defendedMs: number; readonly by: Set<PeerKey> }>();

  constructor(parts: InquiriesParts) {
    this.#parts = parts;
  }

  /** False if there is no reason to ask, or nobody: a dial that has failed then speaks for itself. */
  asks({ defendedMs, member }: Entry, nowMs: number): boolean {
    if (nowMs - defendedMs >= DEFENDED_MS) return false;
    if (this.#open.has(member)) return true;
    const { contacts, wishes } = this.#parts;
    const vouchers = this.#vouchersOf(member, defendedMs);
    const helpers = contacts.nearest(member, HELPERS, vouchers);
    for (const by of helpers) {
      vouchers.add(by);
      // It does not dial: if that failed there, it would ask others, and so on.
      wishes.add({ effect: "errand", by, about: member, mayDial: false, words: [] });
    }
    if (helpers.length === 0) return false;
    const dueMs = nowMs + ANSWERS_MS;
    this.#open.set(member, { waitsFor: new Set(helpers), returned: 0, dueMs });
    wishes.wakeBy(dueMs);
    return true;
  }

  /** `outcome` is null if whoever was asked did not answer itself. */
  answered(member: PeerKey, by: PeerKey, outcome: ErrandOutcome | null, nowMs: number): void {
    if (outcome !== null && outcome !== "answers") this.#vouchers.get(member)?.by.delete(by);
    const inquiry = this.#open.get(member);
    if (inquiry?.waitsFor.delete(by) !== true) return;
    if (outcome === "answers") this.#open.delete(member);
    else {
      if (outcome !== null) inquiry.returned++;
      if (inquiry.waitsFor.size === 0) this.#conclude(member, inquiry, nowMs);
    }
  }

  woke(nowMs: number): void {
    for (const [member, inquiry] of this.#open) if (inquiry.dueMs <= nowMs) this.#conclude(member, inquiry, nowMs);
  }

  get nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#open.values()) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  /** It is connected: nothing is left to ask. */
  opened(member: PeerKey): void {
    this.#open.delete(member);
  }

  forget(isKnown: (member: PeerKey) => boolean): void {
    for (const member of this.#vouchers.keys()) {
      if (isKnown(member)) continue;
      this.#open.delete(member);
      this.#vouchers.delete(member);
    }
  }

  #conclude(member: PeerKey, { returned }: Inquiry, nowMs: number): void {
    this.#open.delete(member);
    if (returned > 0) this.#parts.unheard(member, nowMs);
    else this.#parts.unanswered(nowMs);
  }

  #vouchersOf(member: PeerKey, defendedMs: number): Set<PeerKey> {
    const known = this.#vouchers.get(member);
    if (known?.defendedMs === defendedMs) return known.by;
    const by = new Set<PeerKey>();
    this.#vouchers.set(member, { defendedMs, by });
    return by;
  }
}
