import type { PeerKey } from "./link.ts";

/**
 * What one node thinks of a member: an opinion, never replicated as state.
 * - `unknown`: never heard of since this agent started
 * - `alive`: it answers here, or nobody says that it does not answer
 * - `suspect`: a probe failed here or elsewhere; it is asked again and may still defend itself
 * - `unreachable`: it did not defend itself within seconds. It may be down, cut off, or stopped for a while
 * - `alarm`: unreachable without a break for as long as its window says, and this node is not the isolated one
 * - `left`: it said goodbye: stopped in order, not lost
 */
export type Verdict = "unknown" | "alive" | "suspect" | "unreachable" | "alarm" | "left";

export interface MemberVerdict {
  readonly member: PeerKey;
  readonly verdict: Verdict;
  /** Wall clock, ms. An alarm's is that of the `unreachable` which it grew from. */
  readonly sinceMs: number;
}

/**
 * Whether this node sees the fleet:
 * - `seeing`: half of it or more, this node included; its verdicts are worth something
 * - `isolated`: less than half, or it has no connection at all: more likely it is this node that is cut off. It raises
 *   nothing but that
 */
export interface Isolation {
  readonly state: "seeing" | "isolated";
  /** Members that are alive beyond doubt, this node among them, */
  readonly seen: number;
  /** of how many. Who said goodbye is no part of it. */
  readonly of: number;
  /** Wall clock, ms. */
  readonly sinceMs: number;
}

/** Verdicts, as whoever raises alarms reads them. */
export interface Verdicts {
  /** Null for whoever is no member, and for this node itself. */
  verdict(member: PeerKey): MemberVerdict | null;
  /** Of all other members, ascending by key. */
  verdicts(): readonly MemberVerdict[];
  isolation(): Isolation;
  /** Grows with every verdict that changes, with every change of who is a member, and of {@link isolation}'s state. */
  readonly revision: number;
  /** Called after each verdict that is not what it was, and with null when {@link isolation} is not what it was. */
  onVerdictChange(listener: (changed: MemberVerdict | null) => void): () => void;
}

/** Without a declared window a member may be away this long: it covers a restart, an update, a stop of ten seconds. */
export const ALARM_AFTER_MS = 60_000;
