import type { PeerKey } from "../core/ports/link.ts";
import type { Random } from "../core/ports/random.ts";
import { lowerBound } from "../core/sorted.ts";

/** Connections that every node keeps. Sixty agents in full mesh were not connected after 90 s; with eight, after 19 s. */
export const DEGREE = 8;

/**
 * Connections to the next nodes on the ring of sorted keys. One successor each already connects the graph; two keep it
 * connected when a node falls out before its neighbours have noticed.
 */
export const RING = 2;

export interface DegreeInput {
  readonly self: PeerKey;
  /** The other members that can be dialled or are connected, ascending. */
  readonly members: readonly PeerKey[];
  /** Connected, or about to be. */
  readonly connected: ReadonlySet<PeerKey>;
  /** Could not be reached the last time. */
  readonly failing: ReadonlySet<PeerKey>;
  /** Connections that this node made for one question and that are not used any more, the longest idle first. */
  readonly idle: readonly PeerKey[];
}

export interface DegreePlan {
  /** To be dialled now. */
  readonly dial: readonly PeerKey[];
  /** To be dialled again when their back-off allows. */
  readonly retry: readonly PeerKey[];
  /** To be hung up. */
  readonly spare: readonly PeerKey[];
}

const NONE: ReadonlySet<PeerKey> = new Set();

export function wantedDegree(others: number): number {
  return Math.min(DEGREE, others);
}

/**
 * Which connections to make and which to end. Ring neighbours are wanted for ever, reachable or not: after a partition
 * of any length some neighbours lie across it, so that somebody always tries to heal it. Where neighbours fail, the
 * next ones that answer stand in for them. The rest is chance, and counts what others have dialled.
 */
export function planDegree({ self, members, connected, failing, idle }: DegreeInput, random: Random): DegreePlan {
  const dial: PeerKey[] = [];
  const retry: PeerKey[] = [];
  let standing = 0;
  const first = behind(self, members);
  for (let i = 0; i < members.length && standing < RING; i++) {
    const peer = members[(first + i) % members.length] as PeerKey;
    if (!connected.has(peer)) (failing.has(peer) ? retry : dial).push(peer);
    if (!failing.has(peer) || connected.has(peer)) standing++;
  }

  const wanted = wantedDegree(members.length);
  const missing = wanted - connected.size - dial.length;
  if (missing > 0) {
    const planned = new Set([...dial, ...retry]);
    const others = members.filter((peer) => !connected.has(peer) && !planned.has(peer));
    const untried = others.filter((peer) => !failing.has(peer));
    // Half of what is missing: the others fill up at the same time and are about to dial this node as well.
    dial.push(...draw(random, untried, Math.ceil(missing / 2)));
    if (untried.length < missing)
      retry.push(
        ...draw(
          random,
          others.filter((peer) => failing.has(peer)),
          others.length,
        ),
      );
  }

  const neighbours = idle.length === 0 ? NONE : ringNeighbours(self, members);
  const spare = idle.filter((peer) => !neighbours.has(peer)).slice(0, Math.max(connected.size - wanted, 0));
  return { dial, retry, spare };
}

/** Those that this node wants for ever, and those that want this node. */
export function ringNeighbours(self: PeerKey, members: readonly PeerKey[]): ReadonlySet<PeerKey> {
  const { length } = members;
  const first = behind(self, members);
  const neighbours = new Set<PeerKey>();
  for (let i = 0; i < Math.min(RING, length); i++) {
    neighbours.add(members[(first + i) % length] as PeerKey);
    neighbours.add(members[(first + length - 1 - i) % length] as PeerKey);
  }
  return neighbours;
}

/** Where on the ring of the sorted members this node's successors begin. */
function behind(self: PeerKey, members: readonly PeerKey[]): number {
  const at = lowerBound(members, self, (peer) => peer);
  return at === members.length ? 0 : at + Number(members[at] === self);
}

function draw(random: Random, from: readonly PeerKey[], count: number): PeerKey[] {
  const left = [...from];
  const drawn: PeerKey[] = [];
  while (drawn.length < count && left.length > 0) {
    const [peer] = left.splice(random.below(left.length), 1);
    if (peer !== undefined) drawn.push(peer);
  }
  return drawn;
}
