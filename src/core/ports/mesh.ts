import type { PeerKey } from "./link.ts";

/** What this node thinks of a peer: an opinion of the observer, never replicated as state. */
export interface PeerOpinion {
  readonly key: PeerKey;
  /**
   * - `yes`: heard of within the last moments, directly or through others
   * - `no`: was heard of before, and is not any more
   * - `unknown`: never heard of since this agent started
   */
  readonly online: "yes" | "no" | "unknown";
  readonly connected: "direct" | "no";
  readonly rttMs: number | null;
  /** Wall clock of the last sign of life. */
  readonly lastHeardMs: number | null;
}

export type ChannelHandler = (peer: PeerKey, body: Uint8Array) => Promise<Uint8Array>;

/** The mesh as roles see it. */
export interface Peers {
  /**
   * Asks a member, dialling it if there is no connection. Errors as of `Link.request`. This node may ask itself, too:
   * its handlers answer as they answer others.
   */
  request(peer: PeerKey, channel: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  opinion(peer: PeerKey): PeerOpinion;
  /** Where whoever is asking is connected from; null if the connection is gone. For the audit, never for a decision. */
  remoteAddress(peer: PeerKey): string | null;
}
