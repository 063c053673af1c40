import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import {
  type Connection,
  type Libp2p,
  type PeerId,
  type PrivateKey,
  type Stream,
  UnsupportedProtocolError,
} from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { preSharedKey } from "@libp2p/pnet";
import { tcp } from "@libp2p/tcp";
import type { Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { ascii, concat, toHex } from "../../core/bytes.ts";
import { LabError } from "../../core/errors.ts";
import type { Interfaces } from "../../core/ports/interfaces.ts";
import type { Link, LinkEvents, LinkStats, PeerKey, Standing } from "../../core/ports/link.ts";
import { MAX_BROADCAST_BYTES, PeerFailedError, PeerTimeoutError, PeerUnreachableError } from "../../core/ports/link.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Secret } from "../../core/secret.ts";
import { type Answer, decodeAnswer, encodeRequest, MAX_ANSWER_FRAME_BYTES } from "../frames.ts";
import { Lines, type LineStream, MAX_LINE_QUESTION_BYTES } from "../line.ts";
import { REQUESTS_AT_ONCE } from "../places.ts";
import { asError, reasonOf } from "../reason.ts";
import { announced, fromMultiaddr, isLoopback, splitAddress, toMultiaddr } from "./addresses.ts";
import { withDeadline } from "./deadline.ts";
import { dialOrder } from "./dial-order.ts";
import type { Discovery } from "./discovery.ts";
import { MemberGossip } from "./gossip.ts";
import { KeepAlive } from "./keep-alive.ts";
import { BoundedMuxers, MEMBER, STRANGER } from "./muxer.ts";
import { keyOf, peerIdOf } from "./peer-key.ts";
import { atMost, readFrame } from "./read-frame.ts";
import { Serving } from "./serving.ts";
import { silentLogger } from "./silent-logger.ts";
import { timers } from "./timers.ts";
import { MAX_HALF_OPEN, Wire } from "./wire.ts";

export interface Libp2pLinkOptions {
  /** 32-byte Ed25519 seed of the node's key. */
  readonly seed: Secret;
  /** Hex. Names the protocol and the topic, so that two meshes that meet do not understand each other. */
  readonly meshId: string;
  /** `host:port` with an IP address, IPv6 in brackets; port 0 takes any free one. */
  readonly listen: readonly string[];
  /** `host:port` where others reach this node besides, as by a name or a port that a router forwards. */
  readonly announce?: readonly string[];
  readonly interfaces: Interfaces;
  /** Announce this node on the local network and hear of others. */
  readonly mdns: boolean;
  /** 32 bytes. Whoever has not the same gets no handshake. */
  readonly psk?: Secret;
  readonly log: Log;
}

/** Half of what a peer takes before a protocol is chosen. */
const MAX_EARLY_BYTES = 8 * 1024;

/** A line that is being opened serves whoever asks meanwhile, also when the first one does not wait for so long. */
const OPEN_LINE_MS = 5_000;

/** One each way and connection, and others that are being reset. */
const LINES = 4;

/** Of one address. A rack behind one address that restarts is let in within a second; the rest tries again. */
const CONNECTIONS_PER_SECOND = 200;

/** Members, strangers and connections that crossed, of one node; members have 32 and some on demand. */
const MAX_CONNECTIONS = 256;

/** How often standings and gossip are looked over. */
const REVIEW_MS = 1_000;

/** Two ends that dial each other at once get two connections. Gossip starts when both know which one stays. */
const SETTLE_MS = 300;

/** Two connections in opposite directions within this long are two ends that dialled each other at once. */
const CROSSED_MS = 5_000;

/** How long requests that went out over a connection too many have to come back. */
const LINGER_MS = 1_000;

/** A connection that is not closed politely by then is cut. */
const CLOSE_MS = 1_000;

interface Services extends Record<string, unknown> {
  gossip: MemberGossip;
}

/** {@link Link} over TCP, Noise, yamux and gossipsub. */
export async function createLibp2pLink(options: Libp2pLinkOptions): Promise<Link> {
  return new Libp2pLink(options, await generateKeyPairFromSeed("Ed25519", options.seed.reveal()));
}

class Libp2pLink implements Link {
  readonly self: PeerKey;
  readonly #options: Libp2pLinkOptions;
  readonly #privateKey: PrivateKey;
  readonly #protocol: string;
  /** What chooses it. */
  readonly #greeting: Uint8Array;
  readonly #lineProtocol: string;
  readonly #connections = new Map<PeerKey, Set<Connection>>();
  /** Dials that a connection from the other side would answer, too. */
  readonly #awaited = new Map<PeerKey, Set<() => void>>();
  /** Of members that were dialled: where that worked the last time, and how often it has not since. */
  readonly #dialled = new Map<PeerKey, { readonly lastGood: string | undefined; readonly failures: number }>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #wire = new Wire();
  readonly #muxers = new BoundedMuxers();
  readonly #keepAlive = new KeepAlive(this.#muxers);
  readonly #serving = new Serving({
    events: () => this.#running?.events ?? null,
    hangUp: (peer) => void this.hangUp(peer),
  });
  readonly #lines: Lines<Connection>;
  #running: { readonly node: Libp2p<Services>; readonly events: LinkEvents } | null = null;
  #listen: readonly Multiaddr[] = [];
  #discovery: Discovery | undefined;
  #review: NodeJS.Timeout | undefined;

  constructor(options: Libp2pLinkOptions, privateKey: PrivateKey) {
    this.#options = options;
    this.#privateKey = privateKey;
    this.#protocol = `/lab/1/${options.meshId.slice(0, 16)}/request`;
    this.#greeting = greeting(this.#protocol);
    this.#lineProtocol = `/lab/1/${options.meshId.slice(0, 16)}/line`;
    this.#lines = new Lines({
      open: (connection) => this.#openLine(connection),
      silentMs: (connection) => this.#muxers.silentMs(connection),
      clock: timers,
    });
    this.self = toHex(privateKey.publicKey.raw);
  }

  async start(events: LinkEvents): Promise<void> {
    const { meshId, log } = this.#options;
    this.#listen = this.#options.listen.map((address) => {
      const parsed = toMultiaddr(address);
      if (parsed !== null && !parsed.toString().startsWith("/dns")) return parsed;
      throw new LabError("Invalid", `cannot listen on "${address}": an IP address and a port are needed`);
    });
    const standing = (peer: PeerId) => this.#standing(events, peer);

    const node = await createLibp2p<Services>({
      start: false,
      logger: silentLogger,
      privateKey: this.#privateKey,
      addresses: { listen: this.#listen.map(String) },
      transports: [tcp()],
      ...(this.#options.psk === undefined ? {} : { connectionProtector: protector(this.#options.psk) }),
      connectionEncrypters: [noise()],
      streamMuxers: [this.#muxers.factory],
      connectionGater: {
        denyInboundConnection: (connection) => !this.#wire.inbound(connection),
        denyOutboundConnection: (_peer, connection) => {
          this.#wire.outbound(connection);
          return false;
        },
        denyInboundEncryptedConnection: (peer, connection) => {
          this.#wire.proven(connection);
          return standing(peer) === "refused";
        },
        denyOutboundEncryptedConnection: (peer) => standing(peer) === "refused",
      },
      connectionMonitor: { enabled: false },
      connectionManager: {
        // The defaults, five per second and ten at once, leave most of a rack out after a power cut.
        inboundConnectionThreshold: CONNECTIONS_PER_SECOND,
        // The wire counts them, and what it has ended libp2p lets go a moment later.
        maxIncomingPendingConnections: 2 * MAX_HALF_OPEN,
        maxConnections: MAX_CONNECTIONS,
        inboundUpgradeTimeout: 10_000,
        inboundStreamProtocolNegotiationTimeout: 5_000,
        // One address that swallows packets must not take all the time there is for the others.
        addressDialTimeout: 4_000,
        // They come in the order in which they are to be tried.
        addressSorter: () => 0,
        outboundStreamProtocolNegotiationTimeout: 5_000,
      },
      services: {
        gossip: (components) =>
          new MemberGossip(components, {
            meshId,
            log,
            isMember: (peer) => standing(peer) === "member",
            receive: (body, from) => {
              const peer = keyOf(from);
              return peer === null || this.#running === null ? "taken" : events.broadcast(body, peer);
            },
          }),
      },
    });
    node.addEventListener("connection:open", ({ detail }) => this.#opened(detail));
    node.addEventListener("connection:close", ({ detail }) => this.#closed(detail));

    this.#running = { node, events };
    try {
      await node.handle(this.#protocol, (stream, connection) => this.#serving.serveStream(stream, connection), {
        maxInboundStreams: REQUESTS_AT_ONCE.member,
        maxOutboundStreams: 1_000,
      });
      await node.handle(this.#lineProtocol, (stream, connection) => this.#serving.serveLine(stream, connection), {
        maxInboundStreams: LINES,
        maxOutboundStreams: LINES,
      });
      await node.start();
      // libp2p is content when one of several addresses works.
      const missing = this.#options.listen.filter((_, i) => !listensLike(node, String(this.#listen[i])));
      if (missing.length > 0) throw new Error(missing.join(", "));
    } catch (error) {
      await this.stop();
      throw new LabError("Failed", `cannot listen on ${this.#options.listen.join(", ")}`, {}, { cause: error });
    }
    this.#review = setInterval(() => this.#reviewAll(), REVIEW_MS);
    if (this.#options.mdns) await this.#discover(events);
  }

  async #discover(events: LinkEvents): Promise<void> {
    const { interfaces, log, meshId } = this.#options;
    const { Discovery } = await import("./discovery.ts");
    this.#discovery = new Discovery({
      self: this.self,
      meshId,
      interfaces,
      log,
      addresses: () => this.addresses().filter((address) => !isLoopback(splitAddress(address)?.host ?? "")),
      found: (peer, addresses) => {
        if (this.#running !== null) events.discovered(peer, addresses);
      },
    });
    await this.#discovery.start();
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    clearInterval(this.#review);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#keepAlive.stop();
    this.#connections.clear();
    await this.#discovery?.stop();
    await running.node.stop();
  }

  addresses(): readonly string[] {
    const { announce = [], interfaces } = this.#options;
    if (this.#running === null) return [];
    const own = announced(this.#running.node.getMultiaddrs(), this.#listen, interfaces.addresses());
    return [...new Set([...announce, ...own])];
  }

  connected(): readonly PeerKey[] {
    return [...this.#connections.keys()];
  }

  async dial(peer: PeerKey, addresses: readonly string[], timeoutMs: number): Promise<void> {
    if (this.#connections.has(peer)) return;
    if (this.#running === null) throw new PeerUnreachableError(peer, "the link is stopped");
    const id = peerIdOf(peer)?.toString();
    const targets = this.#inOrder(peer, addresses)
      .map(toMultiaddr)
      .filter((address) => address !== null)
      .map((address) => address.encapsulate(`/p2p/${id}`));
    if (id === undefined || targets.length === 0) throw new PeerUnreachableError(peer, "no usable address is known");

    const attempt = new AbortController();
    const timer = setTimeout(() => attempt.abort(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    const arrival = Promise.withResolvers<void>();
    const awaited = this.#awaited.get(peer) ?? new Set();
    this.#awaited.set(peer, awaited.add(arrival.resolve));
    try {
      await Promise.race([this.#running.node.dial(targets, { signal: attempt.signal }), arrival.promise]);
    } catch (error) {
      if (!this.#connections.has(peer)) {
        const { lastGood, failures = 0 } = this.#dialled.get(peer) ?? {};
        this.#dialled.set(peer, { lastGood, failures: failures + 1 });
        const reason = attempt.signal.aborted ? attempt.signal.reason : error;
        throw new PeerUnreachableError(peer, reasonOf(reason), { cause: error });
      }
    } finally {
      clearTimeout(timer);
      attempt.abort();
      awaited.delete(arrival.resolve);
      if (awaited.size === 0) this.#awaited.delete(peer);
    }
    const address = this.remoteAddress(peer);
    if (address === null) throw new PeerUnreachableError(peer, "the connection was closed at once");
    if (addresses.includes(address)) this.#dialled.set(peer, { lastGood: address, failures: 0 });
  }

  #inOrder(peer: PeerKey, addresses: readonly string[]): string[] {
    const { lastGood, failures = 0 } = this.#dialled.get(peer) ?? {};
    const isLocal = this.#listen.every((address) => isLoopback(splitAddress(fromMultiaddr(address) ?? "")?.host ?? ""));
    return dialOrder({ addresses, lastGood, failures, interfaces: this.#options.interfaces.addresses(), isLocal });
  }

  async hangUp(peer: PeerKey): Promise<void> {
    await close([...(this.#connections.get(peer) ?? [])]);
  }

  remoteAddress(peer: PeerKey): string | null {
    const connection = this.#connectionTo(peer);
    return connection === undefined ? null : fromMultiaddr(connection.remoteAddr);
  }

  async request(
    peer: PeerKey,
    channel: string,
    body: Uint8Array,
    timeoutMs: number,
    size: "small" | "any" = "any",
  ): Promise<Uint8Array> {
    const frame = encodeRequest({ channel, body });
    const connection = this.#connectionTo(peer);
    if (connection === undefined) throw new PeerUnreachableError(peer, "not connected");
    if (this.#running?.events.standing(peer) === "refused") throw new PeerUnreachableError(peer, "refused");

    const isSmall = size === "small" && frame.length <= MAX_LINE_QUESTION_BYTES;
    const answer = await withDeadline(timeoutMs, async (deadline) => {
      try {
        const asked = isSmall ? await this.#lines.ask(connection, frame, timeoutMs, deadline) : "no line";
        return asked === "no line" ? await this.#ask(connection, frame, timeoutMs, deadline) : asked;
      } catch (error) {
        if (deadline.aborted) throw new PeerTimeoutError(peer, timeoutMs);
        throw new PeerUnreachableError(peer, reasonOf(error), { cause: error });
      }
    });
    if (answer?.kind === "answered") return answer.body;
    throw new PeerFailedError(peer, answer?.message ?? "the answer is not one");
  }

  async #openLine(connection: Connection): Promise<LineStream | null> {
    try {
      return await connection.newStream(this.#lineProtocol, { signal: AbortSignal.timeout(OPEN_LINE_MS) });
    } catch (error) {
      if (error instanceof UnsupportedProtocolError) return null;
      throw error;
    }
  }

  /** On a stream of its own. */
  async #ask(connection: Connection, frame: Uint8Array, idleMs: number, deadline: AbortSignal): Promise<Answer | null> {
    const stream = await this.#openStream(connection, frame, deadline);
    try {
      const before = stream.protocol === "" ? this.#greeting : undefined;
      return decodeAnswer(await readFrame(stream, atMost(MAX_ANSWER_FRAME_BYTES), idleMs, deadline, before));
    } finally {
      stream.abort(new Error("the request is over"));
    }
  }

  /**
   * A stream on which this was said. Where it is little the choice of the protocol and the request leave together, and
   * the other end's choice comes with the answer: that is a round trip less. More than this nobody has to take before a
   * protocol is chosen.
   */
  async #openStream(connection: Connection, frame: Uint8Array, deadline: AbortSignal): Promise<Stream> {
    if (frame.length <= MAX_EARLY_BYTES) {
      const stream = await this.#muxers.openStream(connection);
      stream.send(concat(this.#greeting, frame));
      return stream;
    }
    const stream = await connection.newStream(this.#protocol, { signal: deadline });
    stream.send(frame);
    // A failure to send shows in the reading, too.
    stream.close({ signal: deadline }).catch(() => undefined);
    return stream;
  }

  broadcast(body: Uint8Array): void {
    if (body.length > MAX_BROADCAST_BYTES) {
      this.#options.log.write("warn", "link.broadcast.too-large", { bytes: body.length });
      return;
    }
    // First the standings: a member that was cut a moment ago does not get this one.
    this.#reviewAll();
    this.#running?.node.services.gossip.publish(body);
  }

  stats(): LinkStats {
    const connections = this.#running?.node.getConnections() ?? [];
    return {
      sentBytes: this.#wire.sentBytes,
      receivedBytes: this.#wire.receivedBytes,
      refusedConnections: this.#wire.refused + this.#muxers.refused,
      droppedBroadcasts: this.#running?.node.services.gossip.dropped ?? 0,
      halfOpen: this.#wire.halfOpen,
      connections: connections.length,
      streams: connections.reduce((sum, { streams }) => sum + streams.length, 0),
      gossip: this.#running?.node.services.gossip.stats ?? { peers: 0, outbound: 0, seen: 0, kept: 0 },
    };
  }

  #standing(events: LinkEvents, peer: PeerId): Standing {
    const key = keyOf(peer);
    return key === null ? "refused" : events.standing(key);
  }

  /** Both ends prefer the connection that the lower key dialled, so that one of two falls out of use. */
  #connectionTo(peer: PeerKey): Connection | undefined {
    const open = [...(this.#connections.get(peer) ?? [])].filter((connection) => connection.status === "open");
    const preferred = this.self < peer ? "outbound" : "inbound";
    return open.findLast((connection) => connection.direction === preferred) ?? open.at(-1);
  }

  #later(delayMs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, delayMs);
    this.#timers.add(timer);
  }

  #opened(connection: Connection): void {
    const peer = keyOf(connection.remotePeer);
    if (this.#running === null || peer === null || connection.status !== "open") return;

    this.#keepAlive.opened(connection);
    this.#allow(connection, this.#running.events.standing(peer));
    this.#later(SETTLE_MS, () => this.#reviewPeer(peer));
    const others = this.#connections.get(peer);
    if (others !== undefined) {
      const before = [...others];
      others.add(connection);
      this.#thin(peer, connection, before);
      return;
    }
    this.#connections.set(peer, new Set([connection]));
    this.#options.log.write("debug", "link.opened", { peer, direction: connection.direction });
    this.#running.events.opened(peer);
    if (connection.direction === "inbound") for (const arrived of this.#awaited.get(peer) ?? []) arrived();
  }

  /** One connection per peer is enough. Both ends must see alike which one stays, without a word about it. */
  #thin(peer: PeerKey, opened: Connection, others: readonly Connection[]): void {
    const crossed = others.some(
      (other) => other.direction !== opened.direction && opened.timeline.open - other.timeline.open < CROSSED_MS,
    );
    if (crossed && this.self < peer) {
      const spare = [opened, ...others].filter((each) => each.direction === "inbound");
      this.#later(LINGER_MS, () => void close(spare));
    } else if (!crossed && opened.direction === "inbound") {
      // A link does not dial a peer that it is connected to: this peer has lost the old connection.
      for (const other of others) other.abort(new Error("the peer has connected anew"));
    }
  }

  #closed(connection: Connection): void {
    this.#keepAlive.closed(connection);
    const peer = keyOf(connection.remotePeer);
    const connections = peer === null ? undefined : this.#connections.get(peer);
    if (this.#running === null || peer === null || !connections?.delete(connection) || connections.size > 0) return;
    this.#connections.delete(peer);
    this.#running.node.services.gossip.disconnect(connection.remotePeer);
    // libp2p remembers everybody who ever chose a protocol, and keys cost a stranger nothing.
    this.#running.node.peerStore.delete(connection.remotePeer).catch(() => undefined);
    this.#options.log.write("debug", "link.closed", { peer });
    this.#running.events.closed(peer);
  }

  #reviewAll(): void {
    for (const peer of [...this.#connections.keys()]) this.#reviewPeer(peer);
  }

  #reviewPeer(peer: PeerKey): void {
    const connection = this.#connectionTo(peer);
    if (this.#running === null || connection === undefined) return;
    const { events, node } = this.#running;
    const standing = events.standing(peer);
    this.#allow(connection, standing);
    if (standing !== "member") node.services.gossip.disconnect(connection.remotePeer);
    else if (Date.now() - connection.timeline.open >= SETTLE_MS) {
      node.services.gossip.connect(connection.remotePeer, connection);
    }
  }

  #allow(connection: Connection, standing: Standing): void {
    this.#muxers.allow(connection, standing === "member" ? MEMBER : STRANGER);
  }
}

/** By which multistream-select is told a protocol, and tells it back: two lines, each behind its length in one byte. */
function greeting(protocol: string): Uint8Array {
  const lines = ["/multistream/1.0.0\n", `${protocol}\n`].map(ascii);
  return concat(...lines.flatMap((line) => [Uint8Array.of(line.length), line]));
}

/** libp2p takes the key as the text of its file. */
function protector(psk: Secret): ReturnType<typeof preSharedKey> {
  return preSharedKey({ psk: ascii(`/key/swarm/psk/1.0.0/\n/base16/\n${toHex(psk.reveal())}`) });
}

async function close(connections: readonly Connection[]): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_MS);
  await Promise.all(
    connections.map((connection) =>
      connection.close({ signal }).catch((error: unknown) => connection.abort(asError(error))),
    ),
  );
}

/** Whether a node listens on the given multiaddr, or on any port of its kind where that says port 0. */
function listensLike(node: Libp2p, wanted: string): boolean {
  const [, family, , , port] = wanted.split("/");
  return node.getMultiaddrs().some((address) => {
    const [, ownFamily, , , ownPort] = address.toString().split("/");
    return family === ownFamily && (port === "0" || port === ownPort);
  });
}
