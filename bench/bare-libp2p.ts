// The floor that an agent stands on: libp2p with the same parts, on loopback, in gossip with as many peers as an agent.
// Without arguments it listens as eight peers and prints their addresses; with addresses it is the one that is measured,
// and with "alone" the one that is connected to nobody.
import { gossipsub } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";

const PEERS = 8;
const addresses = process.argv.slice(2).filter((word) => word !== "alone");
const isAlone = process.argv.includes("alone");

async function join() {
  const node = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 100 },
    services: { identify: identify(), pubsub: gossipsub({ scoreParams: { IPColocationFactorWeight: 0 } }) },
  });
  node.services.pubsub.subscribe("bench");
  return node;
}

if (addresses.length === 0 && !isAlone) {
  const peers = await Promise.all(Array.from({ length: PEERS }, join));
  process.stdout.write(`${peers.map((peer) => peer.getMultiaddrs()[0]?.toString()).join(" ")}\n`);
} else {
  const node = await join();
  for (const address of addresses) await node.dial(multiaddr(address));
  process.stdout.write("connected\n");
}
