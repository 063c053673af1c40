import type { Startable } from "@libp2p/interface";
import { start, stop } from "@libp2p/interface";
import type { MulticastDNSComponents } from "@libp2p/mdns";
import { mdns } from "@libp2p/mdns";
import type { PeerKey } from "../../core/ports/link.ts";
import { dialable } from "./addresses.ts";
import { keyOf } from "./peer-key.ts";

/**
 * Multicast DNS under a name of this mesh only. libp2p gets only its start and stop, not the service itself: it would
 * remember unproven addresses. A machine without a multicast route discovers nothing, and no error says so.
 */
export function discovery(
  components: MulticastDNSComponents,
  meshId: string,
  found: (peer: PeerKey, addresses: readonly string[]) => void,
): Startable {
  const service = mdns({ serviceTag: `_lab-${meshId.slice(0, 16)}._udp.local` })(components);
  service.addEventListener("peer", ({ detail }) => {
    const peer = keyOf(detail.id);
    const addresses = dialable(detail.multiaddrs);
    if (peer !== null && addresses.length > 0) found(peer, addresses);
  });
  return { start: () => start(service), stop: () => stop(service) };
}
