import type { Clock, Timer } from "../core/ports/clock.ts";
import type { KnownAddress, NodeDirectory } from "./directory.ts";
import { readNote, writeNote } from "./platform/home.ts";

const NOTE = "peers";
const EVERY_MS = 600_000;
const FIRST_MS = 30_000;
const MOST_PEERS = 1000;

/** Where members listened when this home last ran: whom to ask when its store is lost. Nothing is believed of it. */
export async function readKnownPeers(home: string): Promise<KnownAddress[]> {
  try {
    const peers = JSON.parse((await readNote(home, NOTE)) ?? "[]") as KnownAddress[];
    return peers.filter(({ key, addresses }) => /^[0-9a-f]{64}$/.test(key) && Array.isArray(addresses));
  } catch {
    return [];
  }
}

/** Writes down, now and then, where members listen. */
export class KnownPeersKeeper {
  readonly #home: string;
  readonly #directory: NodeDirectory;
  readonly #clock: Clock;
  #timer: Timer | null = null;
  #written = "";

  constructor(home: string, directory: NodeDirectory, clock: Clock) {
    this.#home = home;
    this.#directory = directory;
    this.#clock = clock;
  }

  start(): void {
    this.#writeIn(FIRST_MS);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#write();
  }

  #writeIn(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      void this.#write().finally(() => this.#writeIn(EVERY_MS));
    });
  }

  async #write(): Promise<void> {
    const members = this.#directory.members().slice(0, MOST_PEERS);
    const text = JSON.stringify(members);
    if (members.length === 0 || text === this.#written) return;
    // A full disk loses a convenience, not the agent.
    await writeNote(this.#home, NOTE, text).then(
      () => (this.#written = text),
      () => undefined,
    );
  }
}
