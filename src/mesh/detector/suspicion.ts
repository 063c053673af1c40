import type { PeerKey } from "../../core/ports/link.ts";
import { MAX_ACCUSERS } from "./word.ts";

/**
 * How long a suspect has to defend itself once enough others confirm. serf takes 4 s × max(1, log10 n) and lets rumours
 * travel with its probes; here they go by gossip, within a tenth of a second. Shorter than this, and an event loop that
 * stands still for two seconds would cost a machine its good name.
 */
export const CONFIRMED_MS = 3_000;

/** How long it has when one observer alone accuses it, who may be the one that is slow. */
export const ALONE_MS = 12_000;

/** Confirmations, beyond the first accusation, that bring the one down to the other: as in memberlist. */
export const CONFIRMATIONS = 2;

/** Observers whose connection was closed from the other side and who were refused a new one: no process runs there. */
export const REFUSALS = 2;

export type Accusation = "silent" | "refused";

/**
 * Accusations of one member, under way to a verdict. The time shrinks with each independent one (Lifeguard, DSN 2018,
 * "dogpile"): from {@link ALONE_MS} to {@link CONFIRMED_MS}, on a logarithm.
 */
export class Suspicion {
  readonly #accusers = new Map<PeerKey, Accusation>();
  readonly #fromMs: number;
  readonly #confirmations: number;
  /** Somebody has waited already. */
  #isConfirmed = false;
  /** This node hears nobody. */
  #isBlind = false;
  #notBeforeMs = 0;

  /** `others`: members that could confirm, this node included. */
  constructor(nowMs: number, others: number) {
    this.#fromMs = nowMs;
    this.#confirmations = others - 1 < CONFIRMATIONS ? 0 : CONFIRMATIONS;
  }

  /** Whether that is news. */
  add(accuser: PeerKey, accusation: Accusation): boolean {
    const before = this.#accusers.get(accuser);
    if (before === accusation || before === "refused") return false;
    if (before === undefined && this.#accusers.size >= MAX_ACCUSERS && accusation === "silent") return false;
    this.#accusers.set(accuser, accusation);
    return true;
  }

  /** Others have given it all the time that there is. */
  confirm(): void {
    this.#isConfirmed = true;
  }

  /** This node hears nobody, the member neither: nobody accuses it of anything. */
  losesSight(): void {
    this.#isBlind = true;
  }

  /** This node hears somebody again: it takes back what it said itself. True if nothing is left of the suspicion. */
  regainsSight(self: PeerKey): boolean {
    this.#isBlind = false;
    this.#accusers.delete(self);
    return this.#accusers.size === 0;
  }

  /** This node was not there to hear a defence: the time begins anew. */
  extend(nowMs: number): void {
    this.#notBeforeMs = nowMs + CONFIRMED_MS;
  }

  has(accuser: PeerKey): boolean {
    return this.#accusers.has(accuser);
  }

  get accusation(): Accusation {
    return this.#refusals > 0 ? "refused" : "silent";
  }

  /** Of the kind that {@link accusation} names. */
  get accusers(): readonly PeerKey[] {
    const kind = this.accusation;
    return [...this.#accusers].filter(([, accusation]) => accusation === kind).map(([accuser]) => accuser);
  }

  get size(): number {
    return this.#accusers.size;
  }

  isProven(needed: number): boolean {
    return this.#refusals >= needed;
  }

  get dueMs(): number {
    return Math.max(this.#notBeforeMs, this.#fromMs + this.#timeoutMs);
  }

  get #timeoutMs(): number {
    if (this.#isConfirmed || this.#isBlind || this.#confirmations === 0) return CONFIRMED_MS;
    const confirmed = Math.min(1, Math.log(Math.max(1, this.#accusers.size)) / Math.log(this.#confirmations + 1));
    return Math.round(ALONE_MS - (ALONE_MS - CONFIRMED_MS) * confirmed);
  }

  get #refusals(): number {
    let count = 0;
    for (const accusation of this.#accusers.values()) if (accusation === "refused") count++;
    return count;
  }
}
