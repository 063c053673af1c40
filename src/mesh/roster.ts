import type { PeerKey } from "../core/ports/link.ts";
import type { Directory, DirectoryMember } from "./directory.ts";

/** An address costs seconds when nobody answers there; a member with more of them than this has listed junk. */
const MAX_ADDRESSES = 12;

/** The other members as of the last `refresh`, and everything that is known about where they listen. */
export class Roster {
  readonly #self: PeerKey;
  readonly #directory: Directory;
  #addresses = new Map<PeerKey, readonly string[]>();
  #keys: readonly PeerKey[] = [];
  /** {@link keys}, parted when somebody asks. */
  #parted: { readonly listed: readonly PeerKey[]; readonly unlisted: readonly PeerKey[] } | null = null;
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
    // Mostly something else has changed.
    const isSame =
      members.length === before.size && members.every(({ key, addresses }) => isSameList(before.get(key), addresses));
    if (isSame) return [];
    this.#addresses = new Map(members.map(({ key, addresses }) => [key, addresses]));
    this.#keys = [...this.#addresses.keys()].sort();
    this.#parted = null;
    for (const known of [this.#nearby, this.#seenFrom]) {
      for (const key of known.keys()) if (!this.#addresses.has(key)) known.delete(key);
    }
    return this.#keys.filter((key) => !isSameList(before.get(key), this.#addresses.get(key)));
  }

  /** Takes over where these members listen now. Returns those who have moved, ascending. */
  update(listening: readonly DirectoryMember[]): readonly PeerKey[] {
    const moved = new Set<PeerKey>();
    let isListedAnew = false;
    for (const { key, addresses } of listening) {
      const before = this.#addresses.get(key);
      if (before === undefined || isSameList(before, addresses)) continue;
      this.#addresses.set(key, addresses);
      if (addresses.length === 0 || before.length === 0) isListedAnew = true;
      moved.add(key);
    }
    if (isListedAnew) this.#parted = null;
    return [...moved].sort();
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

  /** Those of {@link keys} of whom it is known where they listen. */
  get listed(): readonly PeerKey[] {
    return this.#part().listed;
  }

  /** Those who have never said it. */
  get unlisted(): readonly PeerKey[] {
    return this.#part().unlisted;
  }

  #part(): { readonly listed: readonly PeerKey[]; readonly unlisted: readonly PeerKey[] } {
    const isListed = (key: PeerKey): boolean => (this.#addresses.get(key)?.length ?? 0) > 0;
    this.#parted ??= { listed: this.#keys.filter(isListed), unlisted: this.#keys.filter((key) => !isListed(key)) };
    return this.#parted;
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
