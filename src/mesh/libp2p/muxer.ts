import type { Connection, MessageStream, Stream, StreamMuxerFactory } from "@libp2p/interface";
import { yamux } from "@libp2p/yamux";
import { TokenBucket } from "../../core/token-bucket.ts";

/** What the other end of one connection may occupy here. */
export interface Allowance {
  /** Streams that it has open at once. */
  readonly streams: number;
  /** What one stream holds that nobody has read yet. */
  readonly unreadBytes: number;
  /** What all of them hold for it that it does not take. */
  readonly unsentBytes: number;
  /** What it may send in all, as long as the connection lasts. */
  readonly totalBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Enough to be enrolled. Everybody begins with this, until it is known who it is. */
export const STRANGER: Allowance = { streams: 8, unreadBytes: 64 * KIB, unsentBytes: 4 * MIB, totalBytes: MIB };
export const MEMBER: Allowance = {
  streams: 256,
  unreadBytes: 4 * MIB,
  unsentBytes: 32 * MIB,
  totalBytes: Number.POSITIVE_INFINITY,
};

/** What a window grows to, and so the most that one frame may hold: half a gigabit per second over 16 ms. */
const MAX_WINDOW_BYTES = MIB;
const FRAME_HEAD_BYTES = 12;
const DATA_FRAME = 0;
const PING_FRAME = 2;
const SYN = 1;

/** Pings, and streams that are refused: each costs an answer. Links ping every ten seconds. */
const ANSWERS = { perSecond: 50, burst: 1_000 };

/** Names of protocols are short; whoever sends more before one is chosen does not mean to choose. */
const MAX_UNNAMED_BYTES = 16 * KIB;

type Muxer = ReturnType<ReturnType<ReturnType<typeof yamux>>["createStreamMuxer"]>;
type MuxedStream = Muxer["streams"][number];
type Bytes = Parameters<Muxer["onData"]>[0];

/**
 * yamux with bounds. Its own decoder waits in memory for whatever length a frame announces, up to 4 GiB; it takes from
 * strangers as many streams as from members; and what a peer does not read piles up without end.
 */
export class BoundedMuxers {
  refused = 0;
  /** By the list of streams, the one thing of its muxer that a connection shows. */
  readonly #muxers = new WeakMap<readonly Stream[], BoundedMuxer>();

  readonly factory = (): StreamMuxerFactory => {
    // Whether the other end still answers is asked by the link, which ends the connection if it does not.
    const inner = yamux({ enableKeepAlive: false, streamOptions: { maxStreamWindowSize: MAX_WINDOW_BYTES } })();
    return {
      protocol: inner.protocol,
      createStreamMuxer: (connection) => {
        const muxer = inner.createStreamMuxer(connection);
        this.#muxers.set(muxer.streams, new BoundedMuxer(muxer, connection, () => this.refused++));
        return muxer;
      },
    };
  };

  allow(connection: Connection, allowance: Allowance): void {
    this.#muxers.get(connection.streams)?.allow(allowance);
  }

  /** A stream without a protocol; what is sent on it first chooses one. */
  async openStream(connection: Connection): Promise<Stream> {
    const muxer = this.#muxers.get(connection.streams);
    if (muxer === undefined) throw new Error("this connection has no muxer of ours");
    return muxer.openStream();
  }

  /** Milliseconds since anything came over it. */
  silentMs(connection: Connection): number {
    return this.#muxers.get(connection.streams)?.silentMs ?? Number.POSITIVE_INFINITY;
  }

  /** Milliseconds until the other end's answer; twelve bytes each way and no stream. */
  async ping(connection: Connection): Promise<number> {
    const muxer = this.#muxers.get(connection.streams);
    if (muxer === undefined) throw new Error("this connection has no muxer of ours");
    return muxer.ping();
  }
}

class BoundedMuxer {
  readonly #muxer: Muxer;
  readonly #connection: MessageStream;
  readonly #refused: () => void;
  readonly #answers = new TokenBucket(ANSWERS, performance.now());
  #allowance: Allowance = STRANGER;
  #receivedBytes = 0;
  #heardMs = performance.now();
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES);
  #headBytes = 0;
  /** Of the frame whose head was last seen. */
  #bodyBytesLeft = 0;

  constructor(muxer: Muxer, connection: MessageStream, refused: () => void) {
    this.#muxer = muxer;
    this.#connection = connection;
    this.#refused = refused;
    this.allow(STRANGER);
    const [onData, onRemoteStream] = [muxer.onData.bind(muxer), muxer.onRemoteStream.bind(muxer)];
    muxer.onData = (data) => {
      this.#count(data);
      onData(data);
    };
    muxer.onRemoteStream = (stream) => {
      this.#bound(stream);
      onRemoteStream(stream);
      const inbound = muxer.streams.filter(({ direction }) => direction === "inbound").length;
      if (inbound <= this.#allowance.streams) return;
      stream.abort(this.#refusal("too many streams at once"));
      this.#countAnswer();
    };
  }

  allow(allowance: Allowance): void {
    // A member may have sent any amount before it became a stranger.
    if (allowance !== this.#allowance) this.#receivedBytes = 0;
    this.#allowance = allowance;
    this.#connection.maxWriteBufferLength = allowance.unsentBytes;
  }

  openStream(): Promise<Stream> {
    return this.#muxer.createStream();
  }

  ping(): Promise<number> {
    return this.#muxer.ping();
  }

  get silentMs(): number {
    return performance.now() - this.#heardMs;
  }

  /** Throws for what ends the connection. */
  #count(data: Bytes): void {
    this.#heardMs = performance.now();
    this.#receivedBytes += data.byteLength;
    if (this.#receivedBytes > this.#allowance.totalBytes) throw this.#refusal("a stranger sends too much");
    for (const chunk of data instanceof Uint8Array ? [data] : data) this.#checkFrames(chunk);
  }

  #checkFrames(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#bodyBytesLeft > 0) {
        const skipped = Math.min(this.#bodyBytesLeft, chunk.length - at);
        this.#bodyBytesLeft -= skipped;
        at += skipped;
        continue;
      }
      const part = chunk.subarray(at, at + FRAME_HEAD_BYTES - this.#headBytes);
      this.#head.set(part, this.#headBytes);
      this.#headBytes += part.length;
      at += part.length;
      if (this.#headBytes === FRAME_HEAD_BYTES) this.#beginFrame();
    }
  }

  #beginFrame(): void {
    this.#headBytes = 0;
    if (this.#head[1] === PING_FRAME && this.#head[3] === SYN) this.#countAnswer();
    if (this.#head[1] !== DATA_FRAME) return;
    this.#bodyBytesLeft = new DataView(this.#head.buffer).getUint32(8);
    if (this.#bodyBytesLeft > MAX_WINDOW_BYTES) throw this.#refusal(`a frame of ${this.#bodyBytesLeft} bytes`);
  }

  #countAnswer(): void {
    if (!this.#answers.take(1, performance.now())) throw this.#refusal("too much to answer");
  }

  #bound(stream: MuxedStream): void {
    let receivedBytes = 0;
    const onData = stream.onData.bind(stream);
    stream.onData = (data) => {
      receivedBytes += data.byteLength;
      const unread = stream.readBufferLength + data.byteLength;
      if (unread > this.#allowance.unreadBytes) return stream.abort(this.#refusal("nobody reads this fast"));
      if (stream.protocol === "" && receivedBytes > MAX_UNNAMED_BYTES) {
        return stream.abort(this.#refusal("no protocol was chosen"));
      }
      onData(data);
    };
    const send = stream.send.bind(stream);
    stream.send = (data) => {
      if (stream.protocol !== "" || !isList(data)) return send(data);
      stream.abort(this.#refusal("asked what is spoken here"));
      return false;
    };
  }

  #refusal(why: string): Error {
    this.#refused();
    return new Error(why);
  }
}

/**
 * multistream-select answers `ls` with all protocols, and their names tell a stranger which mesh this is. Of what is
 * said before a protocol is chosen only that answer ends with two line ends.
 */
function isList(data: Bytes): boolean {
  const [LINE_END, length] = [10, data.byteLength];
  const tail = data instanceof Uint8Array ? data.subarray(length - 2) : data.sublist(length - 2).subarray();
  return length >= 2 && tail[0] === LINE_END && tail[1] === LINE_END;
}
