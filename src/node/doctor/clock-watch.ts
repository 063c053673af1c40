import type { Complaint } from "../../core/alarms/findings.ts";
import type { Clock, Timer } from "../../core/ports/clock.ts";
import { type ClockReading, ownOffsetMs } from "./mesh-checks.ts";

const LOOK_EVERY_MS = 5 * 60_000;
/** An agent that has just started is not connected yet. */
const FIRST_LOOK_MS = 30_000;

/** Compares this machine's clock with those of others, now and then. */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #read: () => Promise<readonly ClockReading[]>;
  #complaint: Complaint | null = null;
  #timer: Timer | null = null;
  #life: "running" | "stopped" = "running";

  constructor(clock: Clock, read: () => Promise<readonly ClockReading[]>) {
    this.#clock = clock;
    this.#read = read;
  }

  get complaint(): Complaint | null {
    return this.#complaint;
  }

  start(): void {
    this.#lookIn(FIRST_LOOK_MS);
  }

  stop(): void {
    this.#life = "stopped";
    this.#timer?.cancel();
  }

  #lookIn(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      void this.#read().then((readings) => {
        this.#complaint = clockComplaint(readings);
        if (this.#life === "running") this.#lookIn(LOOK_EVERY_MS);
      });
    });
  }
}

/** Null while the clock agrees with the middle of at least two others: of two nobody can say which is wrong. */
export function clockComplaint(readings: readonly ClockReading[]): Complaint | null {
  const known = readings.filter(({ aheadMs }) => aheadMs !== null);
  const offMs = ownOffsetMs(readings);
  if (known.length < 2 || offMs === null || offMs === 0) return null;
  const side = offMs > 0 ? "behind" : "ahead of";
  const seconds = Math.round(Math.abs(offMs) / 1000);
  const detail = `its clock is ${seconds} s ${side} the clocks of ${known.length} others: timedatectl set-ntp true`;
  return { kind: "clock-off", subject: "", detail };
}
