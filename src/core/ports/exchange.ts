/**
 * What anti-entropy is about, seen from the mesh: rounds of request and answer, in bytes that only the replica reads.
 */
export interface Exchange {
  /** Begins a round with a peer: the first request. */
  begin(): ExchangeRound;
  /** Answers a peer's request. Throws on malformed ones. */
  answer(request: Uint8Array): Promise<Uint8Array>;
}

export interface ExchangeRound {
  readonly request: Uint8Array;
  /** Takes the peer's answer; the next request, or null when both sides have what the other had. */
  next(answer: Uint8Array): Promise<Uint8Array | null>;
  /** What the round has found so far. */
  readonly outcome: ExchangeOutcome;
}

/** What a machine that was removed is told: requests of an exchange, one after the other. */
export interface Notice {
  readonly request: Uint8Array;
  /** Takes the machine's answer; the next request, or null when it has been told. Throws on a malformed answer. */
  next(answer: Uint8Array): Uint8Array | null;
}

/**
 * - `same`: nothing differed · `exchanged`: entries went one way or both
 * - `diverged`: equal entries and unequal state: a bug or a lie, to be shown
 */
export interface ExchangeOutcome {
  readonly verdict: "same" | "exchanged" | "diverged";
  readonly received: number;
  readonly sent: number;
}
