import { type AuditHead, readHeads, rememberHeads } from "../core/audit-heads.ts";
import type { Clock, Timer } from "../core/ports/clock.ts";
import { readNote, writeNote } from "./platform/home.ts";

const NOTE = "heads";
const EVERY_MS = 60_000;

export async function readRememberedHeads(home: string): Promise<AuditHead[]> {
  return readHeads(await readNote(home, NOTE));
}

/**
 * Writes down where every log ended, outside the store: a store that was rolled back or cut short is found out, and by
 * which entries of whom.
 */
export class HeadsKeeper {
  readonly #home: string;
  readonly #clock: Clock;
  readonly #heads: () => readonly AuditHead[];
  readonly #isKnown: (hash: string) => boolean;
  #timer: Timer | null = null;
  #written = "";

  constructor(home: string, clock: Clock, heads: () => readonly AuditHead[], isKnown: (hash: string) => boolean) {
    this.#home = home;
    this.#clock = clock;
    this.#heads = heads;
    this.#isKnown = isKnown;
  }

  start(): void {
    this.#timer = this.#clock.after(EVERY_MS, () => {
      void this.#write().finally(() => this.start());
    });
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#write();
  }

  async #write(): Promise<void> {
    const before = await readRememberedHeads(this.#home);
    const text = JSON.stringify(rememberHeads(before, this.#heads(), this.#isKnown));
    if (text === this.#written) return;
    // A full disk loses a memory, not the agent.
    await writeNote(this.#home, NOTE, text).then(
      () => (this.#written = text),
      () => undefined,
    );
  }
}
