import type { AuditRecord, RoleContext } from "../../core/ports/role.ts";
import { REFUSALS_ACTION } from "../../core/secrets/grant-log.ts";

/** Within this, what one member repeats is counted, and told in one record. */
const WINDOW_MS = 60 * 60_000;
/** So many refusals of one member are told one by one within a window. */
const REFUSALS_TOLD = 8;

/** Records that a full disk did not take are kept up to this many, until it does. */
const MOST_OWED = 10_000;

/** What was told once, and how often it happened again. */
interface Told {
  /** Its time is that of the first repetition. */
  readonly record: AuditRecord;
  readonly sinceMs: number;
  /** Resolves when the first record is durable. */
  readonly written: Promise<void>;
  again: number;
  againSinceMs: number;
}

interface Refusals {
  readonly actor: string;
  readonly sinceMs: number;
  told: number;
  again: number;
  againSinceMs: number;
}

/**
 * Writes down what a store gave and refused, each before the answer leaves, so that one member cannot make all others
 * keep records without end: a window of a member costs at most two records for each version that it may read and
 * {@link REFUSALS_TOLD} + 1 for what it may not. Nothing is delayed or refused for it.
 */
export class RequestLog {
  readonly #context: Pick<RoleContext, "audit" | "clock">;
  readonly #told = new Map<string, Told>();
  readonly #refusals = new Map<string, Refusals>();
  #owed: { readonly record: AuditRecord; readonly sinceMs: number }[] = [];

  constructor(context: Pick<RoleContext, "audit" | "clock">) {
    this.#context = context;
  }

  /** Durable when it resolves, or counted beside what is. Throws when the disk does, and then forgets the attempt. */
  async allowed(record: AuditRecord): Promise<void> {
    const nowMs = this.#context.clock.now();
    const id = idOf(record);
    const known = this.#told.get(id);
    if (known !== undefined && nowMs - known.sinceMs < WINDOW_MS) {
      await known.written;
      if (known.again++ === 0) known.againSinceMs = nowMs;
      return;
    }
    if (known !== undefined) await this.#tellAgain(id, known);
    const facts = { ...record.facts, times: 1, sinceMs: nowMs };
    const written = this.#context.audit({ ...record, facts });
    this.#told.set(id, { record, sinceMs: nowMs, written, again: 0, againSinceMs: nowMs });
    try {
      await written;
    } catch (error) {
      this.#told.delete(id);
      throw error;
    }
  }

  /** Durable when it resolves, or counted if this member was refused too often to be told one by one. */
  async refused(peer: string, record: AuditRecord): Promise<void> {
    const nowMs = this.#context.clock.now();
    let refusals = this.#refusals.get(peer);
    if (refusals === undefined || nowMs - refusals.sinceMs >= WINDOW_MS) {
      if (refusals !== undefined) await this.#tellRefusals(peer, refusals);
      refusals = { actor: record.actor, sinceMs: nowMs, told: 0, again: 0, againSinceMs: nowMs };
      this.#refusals.set(peer, refusals);
    }
    if (refusals.told < REFUSALS_TOLD) {
      refusals.told++;
      await this.#context.audit(record);
    } else if (refusals.again++ === 0) refusals.againSinceMs = nowMs;
  }

  /** Something left before it was on record; it is told as soon as the disk takes it. */
  owe(record: AuditRecord): void {
    const sinceMs = this.#context.clock.now();
    if (this.#owed.length < MOST_OWED) this.#owed.push({ record, sinceMs });
    this.#told.set(idOf(record), { record, sinceMs, written: Promise.resolve(), again: 0, againSinceMs: sinceMs });
  }

  /** Tells the counts of windows that have ended, or of all, and forgets them. */
  async settle(which: "ended" | "all"): Promise<void> {
    for (let [next] = this.#owed; next !== undefined; [next] = this.#owed) {
      const { record, sinceMs } = next;
      await this.#context.audit({ ...record, facts: { ...record.facts, times: 1, sinceMs } });
      this.#owed.shift();
    }
    const nowMs = this.#context.clock.now();
    const isDue = ({ sinceMs }: { readonly sinceMs: number }) => which === "all" || nowMs - sinceMs >= WINDOW_MS;
    for (const [id, told] of [...this.#told]) if (isDue(told)) await this.#tellAgain(id, told);
    for (const [peer, refusals] of [...this.#refusals]) if (isDue(refusals)) await this.#tellRefusals(peer, refusals);
  }

  async #tellAgain(id: string, { record, again, againSinceMs, written }: Told): Promise<void> {
    await written;
    this.#told.delete(id);
    if (again === 0) return;
    const reason = [record.reason, `${again} more times`].filter((text) => text !== "").join(", ");
    await this.#context.audit({ ...record, reason, facts: { ...record.facts, times: again, sinceMs: againSinceMs } });
  }

  async #tellRefusals(peer: string, { actor, again, againSinceMs }: Refusals): Promise<void> {
    this.#refusals.delete(peer);
    if (again === 0) return;
    await this.#context.audit({
      ...{ actor, action: REFUSALS_ACTION, object: "(several)", decision: "denied" },
      reason: `${again} more requests were refused`,
      facts: { times: again, sinceMs: againSinceMs },
    });
  }
}

function idOf({ actor, action, object, reason, facts = {} }: AuditRecord): string {
  const { version = "", operator = "", through = "" } = facts;
  return JSON.stringify([actor, action, object, reason, version, operator, through]);
}
