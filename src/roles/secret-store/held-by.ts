import type { Peers } from "../../core/ports/mesh.ts";
import { decodeHeldPage, encodeListRequest, type HeldVersion, LIST_CHANNEL } from "../../core/secrets/messages.ts";
import type { Node } from "../../core/view.ts";
import { compareHeld } from "./dataset.ts";

/** All that another store says that it holds. */
export async function heldBy(peers: Peers, store: Node, timeoutMs: number): Promise<HeldVersion[]> {
  const held: HeldVersion[] = [];
  let after: HeldVersion | null = null;
  for (;;) {
    const body = encodeListRequest({ after });
    const page = decodeHeldPage(await peers.request(store.key, LIST_CHANNEL, body, timeoutMs));
    held.push(...page.held);
    const last: HeldVersion | undefined = page.held.at(-1);
    // A page that leads no further would be asked for again for ever.
    if (!page.more || last === undefined || (after !== null && compareHeld(last, after) <= 0)) return held;
    after = last;
  }
}
