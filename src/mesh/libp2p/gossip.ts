import { createHash } from "node:crypto";
import type { GossipSub, GossipSubComponents } from "@libp2p/gossipsub";
import { gossipsub, StrictNoSign, TopicValidatorResult } from "@libp2p/gossipsub";
import type { Connection, PeerId, Startable, Stream, Topology } from "@libp2p/interface";
import { start, stop } from "@libp2p/interface";
import type { Log } from "../../core/ports/log.ts";

/** Room for what an IWANT answers: several broadcasts in one message. */
const MAX_GOSSIP_BYTES = 8 * 1024 * 1024;

/** A member that has connected says within one round trip what it listens to; after this long it never will. */
const DEAF_AFTER_MS = 3_000;

export interface MemberGossipOptions {
  readonly topic: string;
  readonly log: Log;
  isMember(peer: PeerId): boolean;
  receive(body: Uint8Array, from: PeerId): void;
}

/** What is remembered of a member that gossip was started with. */
interface Partner {
  /** When it was last heard to listen, or else when gossip was last (re)started with it. */
  soundAt: number;
  /** The streams on which it talks to us. */
  readonly inbound: Set<Stream>;
}

/**
 * gossipsub among members, one topic, and nothing of it for anybody else.
 *
 * gossipsub never sees libp2p's registrar. What it registers is wrapped here, so that a stream of a peer that is no
 * member does not reach it, and its topology is driven by {@link connect} and {@link disconnect} instead of by
 * identify, which costs two streams per connection and tells strangers about us.
 */
export class MemberGossip implements Startable {
  readonly #options: MemberGossipOptions;
  readonly #gossip: GossipSub;
  readonly #partners = new Map<string, Partner>();
  #topology: Topology | null = null;

  constructor(components: GossipSubComponents, options: MemberGossipOptions) {
    this.#options = options;
    this.#gossip = gossipsub({
      allowedTopics: [options.topic],
      allowPublishToZeroTopicPeers: true,
      fallbackToFloodsub: false,
      globalSignaturePolicy: StrictNoSign,
      ignoreDuplicatePublishError: true,
      maxInboundDataLength: MAX_GOSSIP_BYTES,
      maxOutboundBufferSize: MAX_GOSSIP_BYTES,
      msgIdFn: (message) => createHash("sha256").update(message.data).digest(),
      // Scores silence honest members: eleven behind one address, or one whose processor was busy. Who may talk is
      // decided by membership.
      // No announcements of what was sent lately: whoever missed something finds it by anti-entropy, and an idle mesh
      // would talk every second.
      Dlazy: 0,
      gossipFactor: 0,
      scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 },
      tagMeshPeers: false,
    })({
      connectionManager: components.connectionManager,
      logger: components.logger,
      peerId: components.peerId,
      peerStore: components.peerStore,
      privateKey: components.privateKey,
      registrar: this.#guard(components.registrar),
    });
    // A member that was cut keeps its streams for a moment; what it still says is neither taken nor passed on.
    this.#gossip.topicValidators.set(options.topic, (from) =>
      options.isMember(from) ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore,
    );
    this.#gossip.addEventListener("gossipsub:message", ({ detail }) => {
      options.receive(detail.msg.data, detail.propagationSource);
    });
  }

  async start(): Promise<void> {
    await start(this.#gossip);
    this.#gossip.subscribe(this.#options.topic);
  }

  async stop(): Promise<void> {
    await stop(this.#gossip);
  }

  publish(body: Uint8Array): void {
    this.#gossip.publish(this.#options.topic, body).catch((error: unknown) => {
      this.#options.log.write("debug", "link.broadcast.failed", { reason: String(error) });
    });
  }

  /**
   * Sees to it that gossip with this member works. To be called again and again: gossipsub loses a member for good
   * when one of its streams breaks while the connection stands, or when the member starts anew before its old
   * connection is noticed to be dead. Calls that find everything in order do nothing.
   */
  connect(peer: PeerId, connection: Connection): void {
    void this.#topology?.onConnect?.(peer, window(connection));

    const partner = this.#partnerOf(peer);
    const now = performance.now();
    const listens = this.#gossip.getSubscribers(this.#options.topic).some((other) => other.equals(peer));
    if (listens) partner.soundAt = now;
    if (now - partner.soundAt < DEAF_AFTER_MS) return;

    // Its streams stand, but gossipsub here has forgotten what it listens to. Reset, the peer opens a new one and
    // says it again.
    partner.soundAt = now;
    for (const stream of partner.inbound) stream.abort(new Error("say again what you listen to"));
  }

  /** Ends gossip with a peer that is gone, or that is no member any more. */
  disconnect(peer: PeerId): void {
    const partner = this.#partners.get(peer.toString());
    if (partner === undefined) return;
    this.#partners.delete(peer.toString());
    void this.#topology?.onDisconnect?.(peer);
    for (const stream of partner.inbound) stream.abort(new Error("gossip is for members"));
  }

  #partnerOf(peer: PeerId): Partner {
    const known = this.#partners.get(peer.toString());
    if (known !== undefined) return known;
    const partner = { soundAt: performance.now(), inbound: new Set<Stream>() };
    this.#partners.set(peer.toString(), partner);
    return partner;
  }

  #guard(registrar: GossipSubComponents["registrar"]): GossipSubComponents["registrar"] {
    const guarded: Pick<typeof registrar, "handle" | "unhandle" | "register" | "unregister"> = {
      handle: (protocol, handler, options) =>
        registrar.handle(
          protocol,
          (stream, connection) => {
            // libp2p resets the stream of a handler that throws.
            if (!this.#options.isMember(connection.remotePeer)) throw new Error("gossip is for members");
            const { inbound } = this.#partnerOf(connection.remotePeer);
            inbound.add(stream);
            stream.addEventListener("close", () => inbound.delete(stream), { once: true });
            return handler(stream, window(connection));
          },
          options,
        ),
      unhandle: (protocols, options) => registrar.unhandle(protocols, options),
      register: async (_protocol, topology) => {
        this.#topology = topology;
        return "members";
      },
      unregister: () => {
        this.#topology = null;
      },
    };
    // gossipsub uses these four and no more.
    return guarded as typeof registrar;
  }
}

/**
 * A connection as gossipsub sees it. It would keep a stream that is reset before it looks, and take every later one
 * for superfluous: the peer would never hear from it again. Here such a stream does not come about.
 */
function window(connection: Connection): Connection {
  const newStream: Connection["newStream"] = async (protocols, options) => {
    const stream = await connection.newStream(protocols, options);
    if (stream.status !== "open") throw new Error(`a gossip stream was ${stream.status} at once`);
    return stream;
  };
  return Object.create(connection, { newStream: { value: newStream } }) as Connection;
}
