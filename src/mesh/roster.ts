import type { PeerKey } from "../core/ports/link.ts";
import type { Directory } from "./directory.ts";

/** An address costs seconds when nobody answers there; a member with more of them than this has listed junk. */
const MAX_ADDRESSES = 12;

/** The other members as of the last `refresh`, and everything that is known about where they listen. */
export class Roster {
  readonly #self: PeerKey;
  readonly #directory: Directory;
  #addresses = new Map<PeerKey, readonly string[]>();
  #keys: readonly PeerKey[] = [];
  /** What announcements on the local network said. Unproven, but a dial proves the key. */
  readonly #nearby = new Map<PeerKey, readonly string[]>();
  /** From which host members have connected: their router's, if one is in between. */
  readonly #seenFrom = new Map<PeerKey, string>();

  constructor(self: PeerKey, directory: Directory) {
    this.#self = self;
    this.#directory = directory;
  }

  /** Reads the directory anew. Returns the members that are new or have moved. */
  refresh(): readonly PeerKey[] {
    const before = this.#addresses;
    const members = this.#directory.members().filter(({ key }) => key !== this.#self);
    this.#addresses = new Map(members.map(({ key, addresses }) => [key, addresses]));
    this.#keys = [...this.#addresses.keys()].sort();
    for (const known of [this.#nearby, this.#seenFrom]) {
      for (const key of known.keys()) if (!this.#addresses.has(key)) known.delete(key);
    }
    return this.#keys.filter((key) => !isSameList(before.get(key), this.#addresses.get(key)));
  }

  /** Ascending, without this node. */
  get keys(): readonly PeerKey[] {
    return this.#keys;
  }

  has(peer: PeerKey): boolean {
    return this.#addresses.has(peer);
  }

  /** Newest knowledge first, guesses last. */
  addressesOf(peer: PeerKey): readonly string[] {
    const told = this.#addresses.get(peer) ?? [];
    const all = new Set([...(this.#nearby.get(peer) ?? []), ...told]);
    const guess = this.#guess(told, this.#seenFrom.get(peer));
    return [...[...all].slice(0, MAX_ADDRESSES - 1), ...(guess === null || all.has(guess) ? [] : [guess])];
  }

  /** A member is connected from there. */
  noteSeen(peer: PeerKey, remoteAddress: string): void {
    if (this.#addresses.has(peer)) this.#seenFrom.set(peer, hostOf(remoteAddress));
  }

  /** Whoever forwards a port at a router mostly forwards the same one. */
  #guess(told: readonly string[], seenFrom: string | undefined): string | null {
    const [first] = told;
    if (first === undefined || seenFrom === undefined || told.some((address) => hostOf(address) === seenFrom))
      return null;
    return `${seenFrom}${first.slice(first.lastIndexOf(":"))}`;
  }

  /** Whether there is anything to dial. */
  isReachable(peer: PeerKey): boolean {
    return (this.#addresses.get(peer)?.length ?? 0) > 0 || (this.#nearby.get(peer)?.length ?? 0) > 0;
  }

  /** False if the peer is no member, whose addresses are not worth remembering. */
  noteNearby(peer: PeerKey, addresses: readonly string[]): boolean {
    if (!this.#addresses.has(peer)) return false;
    this.#nearby.set(peer, addresses.slice(0, MAX_ADDRESSES / 2));
    return true;
  }
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

function isSameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((item, i) => item === b[i]);
}
