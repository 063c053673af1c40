/** Chance as an argument. */
export interface Random {
  bytes(length: number): Uint8Array;
  /** A whole number in `[0, limit)`; `limit` is at least 1. */
  below(limit: number): number;
  /**
   * An independent source for one concern. The same label on equal sources gives equal streams in the simulator,
   * so that a new consumer does not change what every other one draws.
   */
  fork(label: string): Random;
}
