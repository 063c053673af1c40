import type { Connection } from "@libp2p/interface";

const EVERY_MS = 10_000;
/** A process that is stopped for ten seconds, by a person or by a slow disk, keeps its connections. */
const TIMEOUT_MS = 11_000;
/** If it was this process that was stopped, its timers run before it reads what has come in the meantime. */
const GRACE_MS = 1_000;

/**
 * Ends connections whose other end does not answer. libp2p's own monitor opens a stream for each question, which is the
 * dearest thing that an idle node does; the muxer's ping is twelve bytes.
 */
export class KeepAlive {
  readonly #ping: (connection: Connection) => Promise<unknown>;
  readonly #timers = new Map<Connection, NodeJS.Timeout>();

  constructor(ping: (connection: Connection) => Promise<unknown>) {
    this.#ping = ping;
  }

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

  #ask(connection: Connection): void {
    const silent = new Error(`no answer for ${TIMEOUT_MS + GRACE_MS} ms`);
    this.#in(TIMEOUT_MS, connection, () => this.#in(GRACE_MS, connection, () => connection.abort(silent)));
    this.#ping(connection).then(
      () => {
        if (this.#timers.has(connection)) this.opened(connection);
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
