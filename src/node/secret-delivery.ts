import { LabError } from "../core/errors.ts";
import type { Peers } from "../core/ports/mesh.ts";
import { decodePutAnswer, PUT_CHANNEL } from "../core/secrets/messages.ts";
import { SECRET_STORE } from "../core/policy/entitlement.ts";
import type { View } from "../core/view.ts";

const STORE_TIMEOUT_MS = 10_000;

/** What one store said to an envelope. */
export interface Delivery {
  readonly name: string;
  readonly stored: boolean;
  /** Why it was not stored. */
  readonly reason?: string;
}

/** Hands an encoded envelope to every store, this machine included if it is one. Empty if there is no store. */
export function deliverEnvelope(view: View, peers: Pick<Peers, "request">, envelope: Uint8Array): Promise<Delivery[]> {
  return Promise.all(
    view.holders(SECRET_STORE).map(async ({ name, key }): Promise<Delivery> => {
      try {
        return { name, ...decodePutAnswer(await peers.request(key, PUT_CHANNEL, envelope, STORE_TIMEOUT_MS)) };
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        return { name, stored: false, reason: error.message };
      }
    }),
  );
}
