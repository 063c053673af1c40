import { createHash } from "node:crypto";
import { generateKeyPair } from "@libp2p/crypto/keys";
import type { Connection, MessageStream, StreamMuxerFactory } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import type { preSharedKey } from "@libp2p/pnet";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import type { Libp2p } from "libp2p";
import { createLibp2p } from "libp2p";
import { toHex } from "../../../src/core/bytes.ts";
import type { Link, LinkEvents, PeerKey, Standing } from "../../../src/core/ports/link.ts";
import { Secret } from "../../../src/core/secret.ts";
import { toMultiaddr } from "../../../src/mesh/libp2p/addresses.ts";
import { systemInterfaces } from "../../../src/node/platform/interfaces.ts";
import { createLibp2pLink } from "../../../src/mesh/libp2p/link.ts";

/*
 * Real links on loopback, and guests of theirs that keep to no rule: libp2p nodes with any protocol, and connections
 * whose muxer is the test's own hand.
 */

export const MESH_ID = "ab".repeat(32);
export const REQUEST_PROTOCOL = `/lab/1/${MESH_ID.slice(0, 16)}/request`;
export const LINE_PROTOCOL = `/lab/1/${MESH_ID.slice(0, 16)}/line`;

export const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function until(holds: () => boolean, what: string, withinMs = 30_000): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += 20) {
    if (waitedMs > withinMs) throw new Error(`never: ${what}`);
    await pass(20);
  }
}

export const createLink = (name: string, listen: readonly string[] = ["127.0.0.1:0"]) =>
  createLibp2pLink({
    seed: new Secret(createHash("sha256").update(name).digest()),
    meshId: MESH_ID,
    listen,
    interfaces: systemInterfaces(),
    mdns: false,
    log: { write: () => undefined },
  });

/** A link with somebody behind it who takes down what happens. */
export interface Host {
  readonly link: Link;
  readonly heard: string[];
  readonly standings: Map<PeerKey, Standing>;
  /** Of those that are not in `standings`. */
  standing: Standing;
  asked: number;
  answer: (body: Uint8Array) => Promise<Uint8Array>;
}

export async function startHost(name: string): Promise<Host> {
  const host: Host = {
    link: await createLink(name),
    heard: [],
    standings: new Map(),
    standing: "member",
    asked: 0,
    answer: async (body) => body,
  };
  const events: LinkEvents = {
    standing: (peer) => host.standings.get(peer) ?? host.standing,
    opened: () => undefined,
    closed: () => undefined,
    request: (_peer, _channel, body) => {
      host.asked++;
      return host.answer(body);
    },
    broadcast: (body) => {
      const words = Buffer.from(body).toString();
      if (words.startsWith("nonsense")) return "malformed";
      host.heard.push(words);
      return "taken";
    },
    discovered: () => undefined,
  };
  await host.link.start(events);
  return host;
}

export const addressOf = (host: Host) => multiaddr(toMultiaddr(host.link.addresses()[0]!)!.toString());

/** A libp2p node that is no link: it says and asks what it wants. */
export async function startGuest(
  muxer: () => StreamMuxerFactory = yamux(),
  protector?: ReturnType<typeof preSharedKey>,
): Promise<{ readonly node: Libp2p; readonly key: PeerKey }> {
  const privateKey = await generateKeyPair("Ed25519");
  const node = await createLibp2p({
    privateKey,
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [muxer],
    ...(protector === undefined ? {} : { connectionProtector: protector }),
    connectionMonitor: { enabled: false },
  });
  return { node, key: toHex(privateKey.publicKey.raw) };
}

/** A connection that is proved and encrypted, and on which the test itself writes the frames of yamux. */
export interface BareConnection {
  readonly node: Libp2p;
  readonly key: PeerKey;
  readonly connection: Connection;
  readonly wire: MessageStream;
}

export async function openBare(host: Host): Promise<BareConnection> {
  const opened = Promise.withResolvers<MessageStream>();
  const { node, key } = await startGuest(() => ({
    protocol: "/yamux/1.0.0",
    createStreamMuxer: (wire) => {
      opened.resolve(wire);
      const nothing = {
        protocol: "/yamux/1.0.0",
        streams: [],
        status: "open",
        close: async () => undefined,
        abort: () => undefined,
        addEventListener: () => undefined,
        removeEventListener: () => undefined,
      };
      return nothing as unknown as ReturnType<StreamMuxerFactory["createStreamMuxer"]>;
    },
  }));
  const connection = await node.dial(addressOf(host));
  await until(() => host.link.connected().includes(key), "the host sees the guest");
  return { node, key, connection, wire: await opened.promise };
}

export const DATA = 0;
export const WINDOW_UPDATE = 1;
export const PING = 2;
export const SYN = 1;

/** The head of a yamux frame. */
export function frameHead(type: number, flags: number, stream: number, length: number): Uint8Array {
  const head = new Uint8Array(12);
  const view = new DataView(head.buffer);
  head[1] = type;
  view.setUint16(2, flags);
  view.setUint32(4, stream);
  view.setUint32(8, length);
  return head;
}
