import type { Connection, Stream } from "@libp2p/interface";
import type { LinkEvents, PeerKey, Standing } from "../../core/ports/link.ts";
import { withDeadline } from "./deadline.ts";
import { atMost, decodeRequest, encodeAnswer, MAX_REQUEST_FRAME_BYTES, readFrame } from "./frames.ts";
import { answerLine } from "./line.ts";
import { keyOf } from "./peer-key.ts";
import { reasonOf } from "./reason.ts";
import { Transfers } from "./transfers.ts";

/** A peer that opens a request and stops sending is cut after this long. */
const REQUEST_IDLE_MS = 10_000;

/** What one request may take on the wire, each way, so that slow senders cannot hold their places for ever. */
const TRANSFER_MS = 60_000;

/** Requests of one peer that are served at once. A stranger asks one thing: to be enrolled. */
export const REQUESTS_AT_ONCE = { member: 64, stranger: 4 };

/** A request to be enrolled has less than 1 KiB. */
const MAX_STRANGER_REQUEST_BYTES = 16 * 1024;

export interface ServingOptions {
  /** Who answers; null while the link is stopped. */
  readonly events: () => Pick<LinkEvents, "request" | "standing"> | null;
  readonly hangUp: (peer: PeerKey) => void;
}

/** What peers ask over this link, answered within what each of them may make this node hold and do at once. */
export class Serving {
  readonly #options: ServingOptions;
  /** Requests that are being served, per peer. */
  readonly #underWay = new Map<PeerKey, number>();
  readonly #transfers = new Transfers();

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  /** One request, on a stream of its own. libp2p resets the stream of a handler that throws. */
  async serveStream(stream: Stream, connection: Connection): Promise<void> {
    const { peer, events } = this.#asker(connection);
    const standing = events.standing(peer);
    if (standing === "refused") {
      this.#options.hangUp(peer);
      throw new Error("refused");
    }
    // It is being told that it is a member no more; then this node hangs up.
    if (standing === "removed") throw new Error("removed");
    const release = [this.#begin(peer, REQUESTS_AT_ONCE[standing])];
    const hold = (bytes: number) => void release.push(this.#transfers.hold(peer, bytes));
    const mayBe = atMost(standing === "member" ? MAX_REQUEST_FRAME_BYTES : MAX_STRANGER_REQUEST_BYTES);
    const announced = (bytes: number) => {
      mayBe(bytes);
      hold(bytes);
    };
    try {
      const received = await withDeadline(TRANSFER_MS, (deadline) =>
        readFrame(stream, announced, REQUEST_IDLE_MS, deadline),
      );
      const request = decodeRequest(received);
      if (request === null) throw new Error("not a request");
      if (!mayAsk(events.standing(peer))) throw new Error("refused");
      const answer = await answerTo(() => events.request(peer, request.channel, request.body));
      hold(answer.length);
      stream.send(answer);
      await withDeadline(TRANSFER_MS, (signal) => stream.close({ signal }));
    } finally {
      for (const end of release) end();
      stream.abort(new Error("the request is over"));
    }
  }

  /** A line of small questions, for members alone. */
  serveLine(stream: Stream, connection: Connection): void {
    const { peer, events } = this.#asker(connection);
    const isMember = () => events.standing(peer) === "member";
    if (!isMember()) throw new Error("lines are for members");
    answerLine(stream, async (payload) => {
      const release = [this.#begin(peer, REQUESTS_AT_ONCE.member)];
      try {
        release.push(this.#transfers.hold(peer, payload.length));
        const request = decodeRequest(payload);
        if (request === null || !isMember()) throw new Error("not a request of a member");
        return await answerTo(() => events.request(peer, request.channel, request.body));
      } finally {
        for (const end of release) end();
      }
    });
  }

  #asker(connection: Connection) {
    const peer = keyOf(connection.remotePeer);
    const events = this.#options.events();
    if (peer === null || events === null) throw new Error("not serving");
    return { peer, events };
  }

  /** Throws if the peer asks too much at once; else the returned function must be called when it is over. */
  #begin(peer: PeerKey, most: number): () => void {
    const served = this.#underWay.get(peer) ?? 0;
    if (served >= most) throw new Error("too many requests at once");
    this.#underWay.set(peer, served + 1);
    return () => {
      const left = (this.#underWay.get(peer) ?? 1) - 1;
      if (left > 0) this.#underWay.set(peer, left);
      else this.#underWay.delete(peer);
    };
  }
}

function mayAsk(standing: Standing): boolean {
  return standing === "member" || standing === "stranger";
}

async function answerTo(handle: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return encodeAnswer({ kind: "answered", body: await handle() });
  } catch (error) {
    return encodeAnswer({ kind: "failed", message: reasonOf(error) });
  }
}
