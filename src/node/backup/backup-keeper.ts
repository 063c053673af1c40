import type { Complaint } from "../../core/alarms/findings.ts";
import type { Clock, Timer } from "../../core/ports/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import { clockTime, isoTime } from "../../core/iso-time.ts";

/** An agent that has just started has not heard yet what others made. */
const FIRST_LOOK_MS = 10_000;
const LOOK_EVERY_MS = 60_000;
/** Whoever is next in line waits so much longer: a backup and the word of it take less. */
const TURN_MS = 15 * 60_000;
/** After a failure: what is wrong is mostly wrong for a while, and asking for it may cost somebody something. */
const TRY_AGAIN_MS = 10 * 60_000;

export interface BackupDuty {
  readonly clock: Clock;
  readonly log: Log;
  /** The place, as people write it. */
  readonly place: string;
  readonly everyMs: number;
  /** When the newest backup there was made, as far as the mesh knows; null if none was. */
  newestMs(): Promise<number | null>;
  /** How many machines come before this one. */
  turn(): number;
  /** Makes a backup and writes down that it is there; a sentence if something about it is not as it should be. */
  make(): Promise<string | null>;
}

/** Makes backups to one place by itself, when nobody else has made one there for so long. */
export class BackupKeeper {
  readonly #duty: BackupDuty;
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  #failedMs: number | null = null;
  #complaint: string | null = null;
  #life: "running" | "stopped" = "running";

  constructor(duty: BackupDuty) {
    this.#duty = duty;
  }

  /** Null while backups are made as they should be. */
  get complaint(): Complaint | null {
    if (this.#complaint === null) return null;
    return { kind: "backup-failing", subject: this.#duty.place, detail: this.#complaint };
  }

  start(): void {
    this.#lookIn(FIRST_LOOK_MS);
  }

  async stop(): Promise<void> {
    this.#life = "stopped";
    this.#timer?.cancel();
    await this.#looking;
  }

  #lookIn(delayMs: number): void {
    this.#timer = this.#duty.clock.after(delayMs, () => {
      this.#looking = this.#look().then(() => {
        if (this.#life === "running") this.#lookIn(LOOK_EVERY_MS);
      });
    });
  }

  async #look(): Promise<void> {
    const duty = this.#duty;
    const { clock, log, place, everyMs } = duty;
    const nowMs = clock.now();
    if (this.#failedMs !== null && nowMs - this.#failedMs < TRY_AGAIN_MS && nowMs >= this.#failedMs) return;
    let last: number | null = null;
    try {
      last = await duty.newestMs();
      // A clock that was ahead must not keep everybody from making one.
      if (last !== null && last <= nowMs && nowMs - last < everyMs + duty.turn() * TURN_MS) {
        if (this.#failedMs !== null) [this.#failedMs, this.#complaint] = [null, null];
        return;
      }
      this.#complaint = await duty.make();
      this.#failedMs = null;
      log.write("info", "backup.made", { place });
    } catch (error) {
      this.#failedMs = nowMs;
      const why = error instanceof Error ? error.message : String(error);
      const since = last === null ? "there is none yet" : `the last one is of ${clockTime(isoTime(last))}`;
      this.#complaint = `no backup can be made to ${place}, and ${since}: ${why}`;
      log.write("error", "backup.failed", { place, error });
    }
  }
}
