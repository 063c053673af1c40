import type { PeerKey } from "../core/ports/link.ts";
import type { Log } from "../core/ports/log.ts";

/** What gossip may leave waiting. More is dropped: anti-entropy brings it at the replica's own pace. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

export type Admit = (entries: readonly Uint8Array[], from: PeerKey) => Promise<void>;

/** Hands gossiped entries over one message after another, in the order in which they came. */
export class AdmissionQueue {
  readonly #admit: Admit;
  readonly #log: Log;
  #waiting = 0;
  #waitingBytes = 0;
  #last: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(admit: Admit, log: Log) {
    this.#admit = admit;
    this.#log = log;
  }

  /** Messages that are not admitted yet. */
  get waiting(): number {
    return this.#waiting;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** False if there is no room for these. */
  add(entries: readonly Uint8Array[], from: PeerKey): boolean {
    const bytes = entries.reduce((sum, entry) => sum + entry.length, 0);
    if (this.#isStopped || this.#waitingBytes + bytes > MAX_WAITING_BYTES) return false;
    this.#waiting++;
    this.#waitingBytes += bytes;
    this.#last = this.#last.then(async () => {
      try {
        if (!this.#isStopped) await this.#admit(entries, from);
      } catch (error) {
        this.#log.write("debug", "mesh.gossip.refused", { from, detail: String(error) });
      } finally {
        this.#waiting--;
        this.#waitingBytes -= bytes;
      }
    });
    return true;
  }

  /** Resolves when nothing is being admitted any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#last;
  }
}
