import { createHash, randomBytes } from "node:crypto";
import type { GossipSub, GossipSubComponents } from "@libp2p/gossipsub";
import { gossipsub, StrictNoSign, TopicValidatorResult } from "@libp2p/gossipsub";
import { createTopicScoreParams } from "@libp2p/gossipsub/score";
import type { Connection, PeerId, Startable, Topology } from "@libp2p/interface";
import { start, stop } from "@libp2p/interface";
import type { GossipStats } from "../../core/ports/link.ts";
import type { Log } from "../../core/ports/log.ts";
import { Partner } from "./partner.ts";
import { keyOf } from "./peer-key.ts";

/** One message holds one broadcast, and what gossipsub has to say besides. */
const MAX_INBOUND_BYTES = 2 * 1024 * 1024;
/** For a member that is slow to take what is said. */
const MAX_OUTBOUND_BYTES = 8 * 1024 * 1024;

/** Whoever says nothing for this long says that it is there; a stream that has died shows in no other way. */
const PULSE_MS = 30_000;
const MAX_PULSE_BYTES = 32;

/** −10 times the square of their number, which halves in a minute; from −80 on gossipsub hears a peer no more. */
const MALFORMED_COUNTS = createTopicScoreParams({
  topicWeight: 1,
  timeInMeshWeight: 0,
  firstMessageDeliveriesWeight: 0,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -10,
  invalidMessageDeliveriesDecay: 0.9885,
});

export interface MemberGossipOptions {
  readonly meshId: string;
  readonly log: Log;
  isMember(peer: PeerId): boolean;
  /** What is malformed is not passed on, and counts against the member that it came from. */
  receive(body: Uint8Array, from: PeerId): "taken" | "malformed";
}

/** The parts of a gossipsub message that cost something. */
interface Rpc {
  readonly subscriptions: readonly unknown[];
  readonly messages: readonly { readonly data?: Uint8Array }[];
  readonly control?: Readonly<Record<"ihave" | "iwant" | "graft" | "prune" | "idontwant", readonly unknown[]>>;
}

/** All that gossipsub hears passes this call of it, which its type does not show. */
interface HearsRpcs {
  handleReceivedRpc(from: PeerId, rpc: Rpc): Promise<void>;
}

/** What gossipsub remembers, which its type does not show. */
interface Remembers {
  readonly seenCache: { readonly size: number };
  readonly mcache: { readonly size: number };
  readonly streamsOutbound: { readonly size: number };
}

/**
 * gossipsub among members, and nothing of it for anybody else. One topic carries what members say. On another each
 * tells its neighbours now and then that it can be heard.
 *
 * gossipsub never sees libp2p's registrar. What it registers is wrapped here, so that a stream of a peer that is no
 * member does not reach it, and its topology is driven by {@link connect} and {@link disconnect} instead of by
 * identify, which costs two streams per connection and tells strangers about us.
 */
export class MemberGossip implements Startable {
  readonly #options: MemberGossipOptions;
  readonly #gossip: GossipSub;
  readonly #partners = new Map<string, Partner>();
  readonly #topic: string;
  readonly #pulse: string;
  #topology: Topology | null = null;
  #pulsing: NodeJS.Timeout | undefined;
  #saidMs = Number.NEGATIVE_INFINITY;
  #dropped = 0;

  constructor(components: GossipSubComponents, options: MemberGossipOptions) {
    this.#options = options;
    this.#topic = `/lab/1/${options.meshId}`;
    this.#pulse = `/lab/1/${options.meshId.slice(0, 16)}/pulse`;
    this.#gossip = gossipsub({
      allowedTopics: [this.#topic, this.#pulse],
      allowPublishToZeroTopicPeers: true,
      fallbackToFloodsub: false,
      globalSignaturePolicy: StrictNoSign,
      ignoreDuplicatePublishError: true,
      maxInboundDataLength: MAX_INBOUND_BYTES,
      maxOutboundBufferSize: MAX_OUTBOUND_BYTES,
      msgIdFn: (message) => createHash("sha256").update(message.data).digest(),
      // Most scores silence honest members: eleven behind one address, or one whose processor was busy. What counts is
      // who hands on what makes no sense: the third such message within a minute makes a member unheard for a while.
      // No announcements of what was sent lately: whoever missed something finds it by anti-entropy, and an idle mesh
      // would talk every second.
      Dlazy: 0,
      gossipFactor: 0,
      scoreParams: {
        IPColocationFactorWeight: 0,
        behaviourPenaltyWeight: 0,
        topics: { [this.#topic]: MALFORMED_COUNTS, [this.#pulse]: MALFORMED_COUNTS },
      },
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
    this.#gossip.topicValidators.set(this.#topic, (from, { data }) => {
      if (!options.isMember(from)) return TopicValidatorResult.Ignore;
      if (options.receive(data, from) === "taken") return TopicValidatorResult.Accept;
      this.#dropped++;
      return TopicValidatorResult.Reject;
    });
    // For neighbours, and not passed on.
    this.#gossip.topicValidators.set(this.#pulse, (_from, { data }) =>
      data.length <= MAX_PULSE_BYTES ? TopicValidatorResult.Ignore : TopicValidatorResult.Reject,
    );
    this.#throttle(this.#gossip as GossipSub & HearsRpcs);
  }

  /** Broadcasts that came faster than a member may speak, or that made no sense. */
  get dropped(): number {
    return this.#dropped;
  }

  get stats(): GossipStats {
    const { seenCache, mcache, streamsOutbound } = this.#gossip as unknown as Remembers;
    return { peers: this.#partners.size, outbound: streamsOutbound.size, seen: seenCache.size, kept: mcache.size };
  }

  async start(): Promise<void> {
    await start(this.#gossip);
    this.#gossip.subscribe(this.#topic);
    this.#gossip.subscribe(this.#pulse);
    this.#pulsing = setInterval(() => this.#beat(), PULSE_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#pulsing);
    await stop(this.#gossip);
  }

  publish(body: Uint8Array): void {
    this.#saidMs = performance.now();
    this.#say(this.#topic, body);
  }

  /**
   * Sees to it that gossip with this member works. To be called again and again: gossipsub loses a member for good
   * when one of its streams breaks while the connection stands, or when the member starts anew before its old
   * connection is noticed to be dead. Calls that find everything in order do nothing.
   */
  connect(peer: PeerId, connection: Connection): void {
    void this.#topology?.onConnect?.(peer, this.#window(connection));

    const listens = (topic: string) => this.#gossip.getSubscribers(topic).some((other) => other.equals(peer));
    const state = { listens: listens(this.#topic), pulses: listens(this.#pulse) };
    const verdict = this.#partnerOf(peer).review(state, performance.now());
    if (verdict === "mute") this.#options.log.write("warn", "link.gossip.mute", { peer: keyOf(peer) });
  }

  /** Ends gossip with a peer that is gone, or that is no member any more. */
  disconnect(peer: PeerId): void {
    const partner = this.#partners.get(peer.toString());
    if (partner === undefined) return;
    this.#partners.delete(peer.toString());
    void this.#topology?.onDisconnect?.(peer);
    partner.end();
  }

  /** Neighbours hear this node's own broadcasts from itself, so that these count as well. */
  #beat(): void {
    if (performance.now() - this.#saidMs >= PULSE_MS) this.#say(this.#pulse, randomBytes(8));
  }

  #say(topic: string, body: Uint8Array): void {
    this.#gossip.publish(topic, body).catch((error: unknown) => {
      this.#options.log.write("debug", "link.broadcast.failed", { reason: String(error) });
    });
  }

  /** A member that says more than anybody has to say is not heard beyond that; anti-entropy brings what it meant. */
  #throttle(gossip: HearsRpcs): void {
    const handle = gossip.handleReceivedRpc.bind(gossip);
    gossip.handleReceivedRpc = async (from, rpc) => {
      const partner = this.#partners.get(from.toString());
      const bytes = rpc.messages.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
      if (partner === undefined || partner.said(countOf(rpc), bytes, performance.now())) return handle(from, rpc);
      this.#dropped += rpc.messages.length;
      this.#options.log.write("debug", "link.gossip.throttled", { peer: keyOf(from) });
    };
  }

  #partnerOf(peer: PeerId): Partner {
    const known = this.#partners.get(peer.toString());
    if (known !== undefined) return known;
    const partner = new Partner(performance.now());
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
            this.#partnerOf(connection.remotePeer).takes("inbound", stream);
            return handler(stream, this.#window(connection));
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

  /**
   * A connection as gossipsub sees it. It would keep a stream that is reset before it looks, and take every later one
   * for superfluous: the peer would never hear from it again. Here such a stream does not come about.
   */
  #window(connection: Connection): Connection {
    const newStream: Connection["newStream"] = async (protocols, options) => {
      const stream = await connection.newStream(protocols, options);
      if (stream.status !== "open") throw new Error(`a gossip stream was ${stream.status} at once`);
      this.#partners.get(connection.remotePeer.toString())?.takes("outbound", stream);
      return stream;
    };
    return Object.create(connection, { newStream: { value: newStream } }) as Connection;
  }
}

function countOf({ messages, subscriptions, control }: Rpc): number {
  const controls = Object.values(control ?? {}).reduce((sum, list) => sum + list.length, 0);
  return messages.length + subscriptions.length + controls;
}
