/** What happened in one mesh since the agent started. Only ever grows. */
export interface MeshCounters {
  dials: number;
  dialFailures: number;
  hangUps: number;
  refusedRequests: number;
  rounds: number;
  roundFailures: number;
  entriesReceived: number;
  entriesSent: number;
  divergences: number;
  probes: number;
  probeFailures: number;
  /** Broadcasts of the detector. */
  wordsSent: number;
  wordsHeard: number;
  broadcastsSent: number;
  broadcastsHeard: number;
  /** Broadcasts that were malformed or came faster than they were admitted. Anti-entropy brings what was in them. */
  broadcastsDropped: number;
}

export function noCounts(): MeshCounters {
  return {
    dials: 0,
    dialFailures: 0,
    hangUps: 0,
    refusedRequests: 0,
    rounds: 0,
    roundFailures: 0,
    entriesReceived: 0,
    entriesSent: 0,
    divergences: 0,
    probes: 0,
    probeFailures: 0,
    wordsSent: 0,
    wordsHeard: 0,
    broadcastsSent: 0,
    broadcastsHeard: 0,
    broadcastsDropped: 0,
  };
}

/** How a mesh stands at this moment. */
export interface MeshGauges {
  /** Other members that are known. */
  readonly members: number;
  readonly connected: number;
  readonly online: number;
  readonly strangers: number;
  readonly dialling: number;
  /** Messages of gossip that wait until those before them are admitted. */
  readonly admitting: number;
  readonly admittingBytes: number;
}
