import type { Connection } from "@libp2p/interface";

const EVERY_MS = 10_000;
/** A process that is stopped for ten seconds, by a person or by a slow disk, keeps its connections. */
const TIMEOUT_MS = 11_000;
/** If it was this process that was stopped, its timers run before it reads what has come in the meantime. */
const GRACE_MS = 1_000;

export interface Pulse {
  /** Milliseconds since the other end last said anything. */
  silentMs(connection: Connection): number;
  ping(connection: Connection): Promise<unknown>;
}

/**
 * Ends connections whose other end does not answer. libp2p's own monitor opens a stream for each question, which is the
 * dearest thing that an idle node does; the muxer's ping is twelve bytes, and only who says nothing is asked.
 */
export class KeepAlive {
  readonly #pulse: Pulse;
  readonly #timers = new Map<Connection, NodeJS.Timeout>();

  constructor(pulse: Pulse) {
    this.#pulse = pulse;
  }

  /** It is asked once in any case: the muxer learns from that how far ahead it may send. */
  opened(connection: Connection): void {
    this.#in(EVERY_MS, connection, () => this.#ask(connection));
  }

  closed(connection: Connection): void {
    clearTimeout(this.#timers.get(connection));
    this.#timers.delete(connection);
  }

  stop(): void {
    for (const connection of [...this.#timers.keys()]) this.closed(connection);
  }

  #look(connection: Connection): void {
    const leftMs = EVERY_MS - this.#pulse.silentMs(connection);
    // A timer may be early by a fraction of a millisecond.
    if (leftMs < 1) this.#ask(connection);
    else this.#in(leftMs, connection, () => this.#look(connection));
  }

  #ask(connection: Connection): void {
    const silent = new Error(`no answer for ${TIMEOUT_MS + GRACE_MS} ms`);
    this.#in(TIMEOUT_MS, connection, () => this.#in(GRACE_MS, connection, () => connection.abort(silent)));
    this.#pulse.ping(connection).then(
      () => {
        if (this.#timers.has(connection)) this.#in(EVERY_MS, connection, () => this.#look(connection));
      },
      // The muxer has ended, and would leave the connection open without one.
      (error: unknown) => {
        if (this.#timers.has(connection)) connection.abort(error instanceof Error ? error : silent);
      },
    );
  }

  #in(delayMs: number, connection: Connection, run: () => void): void {
    clearTimeout(this.#timers.get(connection));
    this.#timers.set(connection, setTimeout(run, delayMs));
  }
}
