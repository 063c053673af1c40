import type { Link, LinkEvents, PeerKey, Standing } from "../core/ports/link.ts";
import { PeerUnreachableError } from "../core/ports/link.ts";

/** A link that behaves as if the network between it and some peers were cut, in both directions. */
export interface CuttableLink extends Link {
  /**
   * From now on these peers, and no others, are out of reach. Resolves when connections to them are closed. Whoever is
   * in reach again is announced as discovered, so that nobody waits for the end of a back-off.
   */
  cutOff(peers: ReadonlySet<PeerKey>): Promise<void>;
}

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
      standing: (peer) => this.#standing(events, peer),
      opened: (peer) => {
        events.opened(peer);
        // It was on its way when the cut came.
        if (this.#cutOff.has(peer)) void this.#link.hangUp(peer);
      },
      closed: (peer) => events.closed(peer),
      request: async (peer, channel, body) => {
        this.#requireReach(peer);
        const answer = await events.request(peer, channel, body);
        this.#requireReach(peer);
        return answer;
      },
      broadcast: (body, from) => {
        if (!this.#cutOff.has(from)) events.broadcast(body, from);
      },
      discovered: (peer, addresses) => {
        this.#addresses.set(peer, addresses);
        if (!this.#cutOff.has(peer)) events.discovered(peer, addresses);
      },
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
    this.#requireReach(peer);
    await this.#link.dial(peer, addresses, timeoutMs);
    this.#requireReach(peer);
  }

  hangUp(peer: PeerKey): Promise<void> {
    return this.#link.hangUp(peer);
  }

  connected(): readonly PeerKey[] {
    return this.#link.connected().filter((peer) => !this.#cutOff.has(peer));
  }

  async request(peer: PeerKey, channel: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    this.#requireReach(peer);
    const answer = await this.#link.request(peer, channel, body, timeoutMs);
    this.#requireReach(peer);
    return answer;
  }

  /** Goes only to peers whose standing is that of a member. */
  broadcast(body: Uint8Array): void {
    this.#link.broadcast(body);
  }

  #standing(events: LinkEvents, peer: PeerKey): Standing {
    return this.#cutOff.has(peer) ? "refused" : events.standing(peer);
  }

  #requireReach(peer: PeerKey): void {
    if (this.#cutOff.has(peer)) throw new PeerUnreachableError(peer, "the demo's mesh is cut");
  }
}
