import type { Connection, Stream } from "@libp2p/interface";
import type { LinkEvents, PeerKey, Standing } from "../../core/ports/link.ts";
import { withDeadline } from "./deadline.ts";
import { decodeRequest, MAX_REQUEST_FRAME_BYTES } from "../frames.ts";
import { answerTo, serveLine } from "../line-serving.ts";
import { Places, REQUESTS_AT_ONCE } from "../places.ts";
import { Transfers } from "../transfers.ts";
import { keyOf } from "./peer-key.ts";
import { atMost, readFrame } from "./read-frame.ts";
import { timers } from "./timers.ts";

/** A peer that opens a request and stops sending is cut after this long. */
const REQUEST_IDLE_MS = 10_000;

/** What one request may take on the wire, each way, so that slow senders cannot hold their places for ever. */
const TRANSFER_MS = 60_000;

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
  readonly #places = new Places();
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
    const release = [this.#places.take(peer, REQUESTS_AT_ONCE[standing])];
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
    const [places, transfers] = [this.#places, this.#transfers];
    serveLine(stream, { ...this.#asker(connection), places, transfers, clock: timers });
  }

  #asker(connection: Connection) {
    const peer = keyOf(connection.remotePeer);
    const events = this.#options.events();
    if (peer === null || events === null) throw new Error("not serving");
    return { peer, events };
  }
}

function mayAsk(standing: Standing): boolean {
  return standing === "member" || standing === "stranger";
}
