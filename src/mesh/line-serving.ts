import type { Clock } from "../core/ports/clock.ts";
import type { LinkEvents, PeerKey } from "../core/ports/link.ts";
import { decodeRequest, encodeAnswer } from "./frames.ts";
import { answerLine, type LineStream } from "./line.ts";
import { type Places, REQUESTS_AT_ONCE } from "./places.ts";
import { reasonOf } from "./reason.ts";
import type { Transfers } from "./transfers.ts";

export interface LineServing {
  readonly peer: PeerKey;
  readonly events: Pick<LinkEvents, "request" | "standing">;
  /** Shared with whatever else the peer asks. */
  readonly places: Places;
  readonly transfers: Transfers;
  readonly clock: Pick<Clock, "after">;
}

/** Answers a member on the line that it has opened. Throws for whoever is none. */
export function serveLine(stream: LineStream, { peer, events, places, transfers, clock }: LineServing): void {
  const isMember = () => events.standing(peer) === "member";
  if (!isMember()) throw new Error("lines are for members");
  answerLine(stream, clock, async (payload) => {
    const release = [places.take(peer, REQUESTS_AT_ONCE.member)];
    try {
      release.push(transfers.hold(peer, payload.length));
      const request = decodeRequest(payload);
      if (request === null || !isMember()) throw new Error("not a request of a member");
      return await answerTo(() => events.request(peer, request.channel, request.body));
    } finally {
      for (const end of release) end();
    }
  });
}

/** The frame of what is given, or of why nothing is. */
export async function answerTo(handle: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return encodeAnswer({ kind: "answered", body: await handle() });
  } catch (error) {
    return encodeAnswer({ kind: "failed", message: reasonOf(error) });
  }
}
