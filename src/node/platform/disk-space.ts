import { statfs } from "node:fs/promises";
import type { Complaint } from "../../core/alarms/findings.ts";
import type { Clock, Timer } from "../../core/ports/clock.ts";

const LOOK_EVERY_MS = 60_000;
/** A store that compacts needs room for what it writes anew. */
const LEAST_BYTES = 100e6;
/** On a small disk, less than this part of it. */
const LEAST_PART = 0.05;

/** Looks how much room is left where a home is. */
export class DiskSpace {
  readonly #home: string;
  readonly #clock: Clock;
  #timer: Timer | null = null;
  #complaint: Complaint | null = null;
  #life: "running" | "stopped" = "running";

  constructor(home: string, clock: Clock) {
    this.#home = home;
    this.#clock = clock;
  }

  /** Null while there is enough, and where nobody can tell. */
  get complaint(): Complaint | null {
    return this.#complaint;
  }

  async start(): Promise<void> {
    this.#complaint = await this.#look();
    if (this.#life === "running") this.#timer = this.#clock.after(LOOK_EVERY_MS, () => void this.start());
  }

  stop(): void {
    this.#life = "stopped";
    this.#timer?.cancel();
  }

  async #look(): Promise<Complaint | null> {
    try {
      const { bavail, blocks, bsize } = await statfs(this.#home);
      return spaceComplaint(this.#home, bavail * bsize, blocks * bsize);
    } catch {
      return null;
    }
  }
}

/** Whether so much room is too little; null if it is enough. */
export function spaceComplaint(home: string, freeBytes: number, wholeBytes: number): Complaint | null {
  if (freeBytes >= Math.min(LEAST_BYTES, LEAST_PART * wholeBytes)) return null;
  const left = `${Math.floor(freeBytes / 1e6)} MB of ${Math.ceil(wholeBytes / 1e6)} MB`;
  return { kind: "disk-full", subject: "", detail: `${left} are left on the disk of ${home}: make room` };
}
