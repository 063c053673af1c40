import type { Timer } from "../../core/ports/clock.ts";
import type { AuditRecord, RoleContext } from "../../core/ports/role.ts";

/** Within this, what happens again and again is counted. */
const WINDOW_MS = 60 * 60_000;
/** So many of a kind are told one by one within a window. */
const TOLD = 8;

interface Window {
  /** The last one: the count is told in its words. */
  record: AuditRecord;
  told: number;
  again: number;
  againSinceMs: number;
  readonly end: Timer;
}

/**
 * Writes down who knocked, so that nobody who has no token can make all members keep records without end: strangers have
 * as many keys as they like, so what counts is what they knocked with. A kind costs at most {@link TOLD} + 1 records an
 * hour. Nothing is delayed or refused for it.
 */
export class KnockLog {
  readonly #context: Pick<RoleContext, "audit" | "clock" | "log">;
  readonly #windows = new Map<string, Window>();

  constructor(context: Pick<RoleContext, "audit" | "clock" | "log">) {
    this.#context = context;
  }

  /** Durable when it resolves, or counted if there were too many of this kind. */
  async note(kind: string, record: AuditRecord): Promise<void> {
    const { clock } = this.#context;
    let window = this.#windows.get(kind);
    if (window === undefined) {
      const end = clock.after(WINDOW_MS, () => void this.#settle(kind));
      window = { record, told: 0, again: 0, againSinceMs: 0, end };
      this.#windows.set(kind, window);
    }
    window.record = record;
    if (window.told < TOLD) {
      window.told++;
      await this.#context.audit(record);
    } else if (window.again++ === 0) window.againSinceMs = clock.now();
  }

  /** Tells all counts. */
  async stop(): Promise<void> {
    for (const kind of [...this.#windows.keys()]) await this.#settle(kind);
  }

  async #settle(kind: string): Promise<void> {
    const window = this.#windows.get(kind);
    this.#windows.delete(kind);
    window?.end.cancel();
    if (window === undefined || window.again === 0) return;
    const { again, againSinceMs, record } = window;
    const reason = `${record.reason}; ${again} more like it`;
    try {
      await this.#context.audit({ ...record, reason, facts: { ...record.facts, times: again, sinceMs: againSinceMs } });
    } catch (error) {
      this.#context.log.write("error", "coordinator.not-audited", { error });
    }
  }
}
