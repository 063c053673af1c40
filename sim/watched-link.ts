import type { Link, LinkEvents, PeerKey } from "../src/core/ports/link.ts";

/** What a world sees of one machine's traffic. */
export interface LinkWatcher {
  /** Something reached this machine: it goes into the trace. */
  arrived(kind: "opened" | "closed" | "request" | "answer" | "broadcast", from: PeerKey, body: Uint8Array): void;
  /** This machine hands bytes to the network. */
  left(body: Uint8Array): void;
}

const NOTHING = new Uint8Array(0);

/** The same link, and somebody who looks over its shoulder. */
export function watchedLink(link: Link, watcher: LinkWatcher): Link {
  return {
    self: link.self,
    start: (events) => link.start(watchedEvents(events, watcher)),
    stop: () => link.stop(),
    addresses: () => link.addresses(),
    dial: (peer, addresses, timeoutMs) => link.dial(peer, addresses, timeoutMs),
    hangUp: (peer) => link.hangUp(peer),
    remoteAddress: (peer) => link.remoteAddress(peer),
    connected: () => link.connected(),
    request: async (peer, channel, body, timeoutMs, size) => {
      watcher.left(body);
      const answer = await link.request(peer, channel, body, timeoutMs, size);
      watcher.arrived("answer", peer, answer);
      return answer;
    },
    broadcast: (body) => {
      watcher.left(body);
      link.broadcast(body);
    },
    stats: () => link.stats(),
  };
}

function watchedEvents(events: LinkEvents, watcher: LinkWatcher): LinkEvents {
  return {
    standing: (peer) => events.standing(peer),
    opened: (peer) => {
      watcher.arrived("opened", peer, NOTHING);
      events.opened(peer);
    },
    closed: (peer) => {
      watcher.arrived("closed", peer, NOTHING);
      events.closed(peer);
    },
    request: async (peer, channel, body) => {
      watcher.arrived("request", peer, body);
      const answer = await events.request(peer, channel, body);
      watcher.left(answer);
      return answer;
    },
    broadcast: (body, from) => {
      watcher.arrived("broadcast", from, body);
      return events.broadcast(body, from);
    },
    discovered: (peer, addresses) => events.discovered(peer, addresses),
  };
}
