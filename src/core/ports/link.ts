import { LabError } from "../errors.ts";

/** Hex of a member's Ed25519 public key: what the handshake of a connection proves. */
export type PeerKey = string;

/**
 * What a peer may do here, decided anew at each connection and each message:
 * - `member`: everything that members do
 * - `stranger`: the enrolment channel and nothing else
 * - `removed`: it is told so, and then has no connection any more; of what it asks nothing is read
 * - `refused`: no connection
 */
export type Standing = "member" | "stranger" | "removed" | "refused";

export interface LinkEvents {
  standing(peer: PeerKey): Standing;
  opened(peer: PeerKey): void;
  /** The last connection to the peer is gone. */
  closed(peer: PeerKey): void;
  /** Answers one request. A throw becomes {@link PeerFailedError} at the requester. Called for members and strangers. */
  request(peer: PeerKey, channel: string, body: Uint8Array): Promise<Uint8Array>;
  /**
   * A broadcast of a member. May come twice or never; `from` is who handed it over, not who made it. What is malformed
   * is not passed on and counts against whoever handed it over, for honest members hand on nothing that is.
   */
  broadcast(body: Uint8Array, from: PeerKey): "taken" | "malformed";
  /** Somebody nearby says that it listens there. Unproven. */
  discovered(peer: PeerKey, addresses: readonly string[]): void;
}

/**
 * Authenticated connections between keys: the bottom of the mesh and the simulator's seam.
 * Addresses are `host:port`, IPv6 in brackets.
 */
export interface Link {
  readonly self: PeerKey;
  start(events: LinkEvents): Promise<void>;
  stop(): Promise<void>;
  /** Where this link listens, as others could dial it. */
  addresses(): readonly string[];
  /**
   * Resolves once a connection to exactly this key stands (at once if one does). The other side may still close it
   * when it does not admit this key: a resolved dial is no proof of membership.
   */
  dial(peer: PeerKey, addresses: readonly string[], timeoutMs: number): Promise<void>;
  hangUp(peer: PeerKey): Promise<void>;
  connected(): readonly PeerKey[];
  /** Where the connection to this peer comes from or leads to; null without one. What a router in between made of it. */
  remoteAddress(peer: PeerKey): string | null;
  /**
   * One request, one answer, over the existing connection. Bodies are at most {@link MAX_FRAME_BYTES} each way; `small`
   * ones, between members, at most 8 KiB and 32 KiB, and for many of them a link has a cheaper way.
   */
  request(
    peer: PeerKey,
    channel: string,
    body: Uint8Array,
    timeoutMs: number,
    size?: "small" | "any",
  ): Promise<Uint8Array>;
  /**
   * To every member that is reachable over members. Best effort; nothing may depend on its arrival. Equal bodies
   * within two minutes are one broadcast; one over {@link MAX_BROADCAST_BYTES} is dropped.
   */
  broadcast(body: Uint8Array): void;
  stats(): LinkStats;
}

/** What a link has carried since it started, and what it holds at this moment. */
export interface LinkStats {
  /** On the wire: everything that was said and what the transport adds to it, TCP's own headers aside. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Connections that were turned away, or ended, because they asked for more than anybody gets. */
  readonly refusedConnections: number;
  /** Broadcasts that came faster than a member may speak, or that were malformed. */
  readonly droppedBroadcasts: number;
  /** Connections whose other end has not proved a key yet. */
  readonly halfOpen: number;
  readonly connections: number;
  readonly streams: number;
  /** What the spreading of broadcasts remembers. */
  readonly gossip: GossipStats;
}

/** Caches that must not grow with the age of an agent. */
export interface GossipStats {
  /** Peers that gossip was started with. */
  readonly peers: number;
  /** Streams that gossip writes to. */
  readonly outbound: number;
  /** Broadcasts that are recognised when they come again. */
  readonly seen: number;
  /** Broadcasts that are kept whole, to be given to whoever asks. */
  readonly kept: number;
}

/** Four MiB: the largest answer of anti-entropy (1 MiB of entries) and of a store (1 MiB value) with room to spare. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;

export const MAX_BROADCAST_BYTES = 1024 * 1024;

/** No connection, refused, or cut while asking. */
export class PeerUnreachableError extends LabError {
  static readonly code = "PeerUnreachable";
  constructor(peer: PeerKey, detail: string, options?: ErrorOptions) {
    super(PeerUnreachableError.code, `peer ${peer.slice(0, 12)} cannot be reached: ${detail}`, { peer }, options);
  }
}

/** The peer took the request and did not answer in time. */
export class PeerTimeoutError extends LabError {
  static readonly code = "PeerTimeout";
  constructor(peer: PeerKey, timeoutMs: number) {
    super(PeerTimeoutError.code, `peer ${peer.slice(0, 12)} did not answer within ${timeoutMs} ms`, { peer });
  }
}

/** The peer's handler threw; its message is the peer's word. */
export class PeerFailedError extends LabError {
  static readonly code = "PeerFailed";
  constructor(peer: PeerKey, message: string) {
    super(PeerFailedError.code, message, { peer });
  }
}
