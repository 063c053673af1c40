import { LabError } from "../../core/errors.ts";
import type { Peers } from "../../core/ports/mesh.ts";
import {
  decodePutAnswer,
  encodeFetchRequest,
  type HeldVersion,
  PUT_CHANNEL,
  RESTORE_CHANNEL,
} from "../../core/secrets/messages.ts";
import { SECRET_STORE } from "../../core/policy/entitlement.ts";
import type { View } from "../../core/view.ts";

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
  return tellStores(view, peers, PUT_CHANNEL, envelope);
}

/** Has every store make a version that restores an older one. */
export function restoreVersion(view: View, peers: Pick<Peers, "request">, version: HeldVersion): Promise<Delivery[]> {
  return tellStores(view, peers, RESTORE_CHANNEL, encodeFetchRequest(version));
}

function tellStores(view: View, peers: Pick<Peers, "request">, channel: string, body: Uint8Array): Promise<Delivery[]> {
  return Promise.all(
    view.holders(SECRET_STORE).map(async ({ name, key }): Promise<Delivery> => {
      try {
        return { name, ...decodePutAnswer(await peers.request(key, channel, body, STORE_TIMEOUT_MS)) };
      } catch (error) {
        if (!(error instanceof LabError)) throw error;
        return { name, stored: false, reason: error.message };
      }
    }),
  );
}
