import type { Link, LinkEvents, LinkStats, PeerKey } from "../core/ports/link.ts";
import { PeerUnreachableError } from "../core/ports/link.ts";

/** A link that behaves as if the network between it and some peers were cut, in both directions. */
export interface CuttableLink extends Link {
  /**
   * From now on these peers, and no others, are out of reach. Resolves when connections to them are closed. Whoever is
   * in reach again is announced as discovered, so that nobody waits for the end of a back-off.
   */
  cutOff(peers: ReadonlySet<PeerKey>): Promise<void>;
}

/** Whoever is cut off is refused, as a removed member would be: no connection, no message, either way. */
export function cuttableLink(link: Link, cutOff: ReadonlySet<PeerKey>): CuttableLink {
  return new Cuttable(link, cutOff);
}

class Cuttable implements CuttableLink {
  readonly self: PeerKey;
  readonly #link: Link;
  #cutOff: ReadonlySet<PeerKey>;
  #events: LinkEvents | null = null;
  /** Where peers were said to listen. */
  readonly #addresses = new Map<PeerKey, readonly string[]>();

  constructor(link: Link, cutOff: ReadonlySet<PeerKey>) {
    this.self = link.self;
    this.#link = link;
    this.#cutOff = cutOff;
  }

  async cutOff(peers: ReadonlySet<PeerKey>): Promise<void> {
    const back = [...this.#cutOff].filter((peer) => !peers.has(peer));
    this.#cutOff = peers;
    await Promise.all([...peers].map((peer) => this.#link.hangUp(peer)));
    for (const peer of back) this.#events?.discovered(peer, this.#addresses.get(peer) ?? []);
  }

  async start(events: LinkEvents): Promise<void> {
    this.#events = events;
    await this.#link.start({
      standing: (peer) => (this.#cutOff.has(peer) ? "refused" : events.standing(peer)),
      opened: (peer) => {
        events.opened(peer);
        // It was past the door when the cut came.
        if (this.#cutOff.has(peer)) void this.#link.hangUp(peer);
      },
      closed: (peer) => events.closed(peer),
      request: (peer, channel, body) => events.request(peer, channel, body),
      broadcast: (body, from) => events.broadcast(body, from),
      discovered: (peer, addresses) => events.discovered(peer, addresses),
    });
  }

  async stop(): Promise<void> {
    this.#events = null;
    await this.#link.stop();
  }

  addresses(): readonly string[] {
    return this.#link.addresses();
  }

  async dial(peer: PeerKey, addresses: readonly string[], timeoutMs: number): Promise<void> {
    if (addresses.length > 0) this.#addresses.set(peer, addresses);
    if (this.#cutOff.has(peer)) throw new PeerUnreachableError(peer, "the demo's mesh is cut");
    await this.#link.dial(peer, addresses, timeoutMs);
  }

  hangUp(peer: PeerKey): Promise<void> {
    return this.#link.hangUp(peer);
  }

  connected(): readonly PeerKey[] {
    return this.#link.connected();
  }

  remoteAddress(peer: PeerKey): string | null {
    return this.#link.remoteAddress(peer);
  }

  request(...what: Parameters<Link["request"]>): Promise<Uint8Array> {
    return this.#link.request(...what);
  }

  broadcast(body: Uint8Array): void {
    this.#link.broadcast(body);
  }

  stats(): LinkStats {
    return this.#link.stats();
  }
}
