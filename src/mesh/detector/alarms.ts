import type { PeerKey } from "../../core/ports/link.ts";
import type { Entry } from "./table.ts";

/** What an observer thinks of its own sight, and since when. Monotonic ms. */
export interface Sight {
  readonly state: "seeing" | "isolated";
  readonly sinceMs: number;
}

/**
 * Who is away, and for whom that is an alarm by now. An alarm is what an observer can vouch for: its window runs only
 * while it sees the fleet and is awake, and begins anew after that.
 */
export class Alarms {
  readonly #afterMs: (member: PeerKey) => number | null;
  /** Unreachable, and no alarm yet. */
  readonly #away = new Set<Entry>();
  readonly #raised = new Set<Entry>();
  #sight: Sight;
  /** Since when this node was awake and not isolated. */
  #sureMs: number;
  #revision = 0;

  constructor(afterMs: (member: PeerKey) => number | null, nowMs: number) {
    this.#afterMs = afterMs;
    this.#sight = { state: "seeing", sinceMs: nowMs };
    this.#sureMs = nowMs;
  }

  get sight(): Sight {
    return this.#sight;
  }

  get sureMs(): number {
    return this.#sureMs;
  }

  /** Grows with every alarm that begins or ends, and with every change of sight. */
  get revision(): number {
    return this.#revision;
  }

  has(entry: Entry): boolean {
    return this.#raised.has(entry);
  }

  left(entry: Entry): void {
    this.#away.add(entry);
  }

  returned(entry: Entry): void {
    this.#away.delete(entry);
    if (this.#raised.delete(entry)) this.#revision++;
  }

  forget(isKnown: (entry: Entry) => boolean): void {
    for (const entry of [...this.#away, ...this.#raised]) if (!isKnown(entry)) this.returned(entry);
  }

  /** Whatever passed meanwhile, this node was not there to see it. */
  stoodStill(nowMs: number): void {
    this.#sureMs = nowMs;
  }

  /** Null if that is nothing new, else who is no alarm any more. */
  look(state: Sight["state"], nowMs: number): readonly Entry[] | null {
    if (state === this.#sight.state) return null;
    this.#sight = { state, sinceMs: nowMs };
    this.#sureMs = nowMs;
    this.#revision++;
    if (state === "seeing") return [];
    const retracted = [...this.#raised];
    for (const entry of retracted) this.#away.add(entry);
    this.#raised.clear();
    return retracted;
  }

  /** Those who become alarms now. */
  raise(nowMs: number): readonly Entry[] {
    if (this.#sight.state === "isolated") return [];
    const raised = [...this.#away].filter((entry) => this.#dueMs(entry) <= nowMs);
    for (const entry of raised) {
      this.#away.delete(entry);
      this.#raised.add(entry);
      this.#revision++;
    }
    return raised;
  }

  /** When the next one is due. */
  get nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    if (this.#sight.state === "isolated") return nextMs;
    for (const entry of this.#away) nextMs = Math.min(nextMs, this.#dueMs(entry));
    return nextMs;
  }

  #dueMs({ member, sinceMs }: Entry): number {
    const windowMs = this.#afterMs(member);
    return windowMs === null ? Number.POSITIVE_INFINITY : Math.max(sinceMs, this.#sureMs) + windowMs;
  }
}
