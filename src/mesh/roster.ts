import type { PeerKey } from "../core/ports/link.ts";
import type { Directory } from "./directory.ts";
import { prefixOf } from "./gossip-message.ts";

/** An address costs seconds when nobody answers there; a member with more of them than this has listed junk. */
const MAX_ADDRESSES = 12;

/** The other members as of the last `refresh`, and everything that is known about where they listen. */
export class Roster {
  readonly #self: PeerKey;
  readonly #directory: Directory;
  #addresses = new Map<PeerKey, readonly string[]>();
  #keys: readonly PeerKey[] = [];
  #byPrefix = new Map<string, PeerKey>();
  /** What announcements on the local network said. Unproven, but a dial proves the key. */
  readonly #nearby = new Map<PeerKey, readonly string[]>();

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
    this.#byPrefix = new Map(this.#keys.map((key) => [prefixOf(key), key]));
    for (const key of this.#nearby.keys()) if (!this.#addresses.has(key)) this.#nearby.delete(key);
    return this.#keys.filter((key) => !isSameList(before.get(key), this.#addresses.get(key)));
  }

  /** Ascending, without this node. */
  get keys(): readonly PeerKey[] {
    return this.#keys;
  }

  has(peer: PeerKey): boolean {
    return this.#addresses.has(peer);
  }

  /** The member with that prefix. */
  named(prefix: string): PeerKey | undefined {
    return this.#byPrefix.get(prefix);
  }

  /** Newest knowledge first. */
  addressesOf(peer: PeerKey): readonly string[] {
    const all = [...(this.#nearby.get(peer) ?? []), ...(this.#addresses.get(peer) ?? [])];
    return [...new Set(all)].slice(0, MAX_ADDRESSES);
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

function isSameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((item, i) => item === b[i]);
}
