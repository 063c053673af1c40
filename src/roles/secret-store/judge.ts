import { equalBytes } from "../../core/bytes.ts";
import { MalformedError } from "../../core/encoding.ts";
import { SealBrokenError } from "../../core/errors.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import { type Envelope, envelopeBody, openEnvelope } from "../../core/secrets/envelope.ts";
import {
  checkCommitment,
  type Committed,
  type CurrentVersion,
  SEALED_CLASS,
  STORE_CLASS,
} from "../../core/secrets/version.ts";

/**
 * - `good`: with the value, which the caller wipes; null where only its readers can open it
 * - `refused`: with the reason
 */
export type Judgement =
  | { readonly verdict: "good"; readonly committed: Committed | null }
  | { readonly verdict: "refused"; readonly reason: string };

/** Holds what an envelope has against what the writer of the version signed: its content, or the whole as it is. */
export async function judgeEnvelope(
  { keys, mesh, seal }: Pick<RoleContext, "keys" | "mesh" | "seal">,
  envelope: Envelope,
  current: CurrentVersion,
): Promise<Judgement> {
  if (envelope.path !== current.path || envelope.version !== current.version) {
    return refused("it is another version than the one that was asked for");
  }
  if (envelope.class !== current.metadata.class) return refused("its class is not the one that its writer signed");
  if (envelope.class === SEALED_CLASS) {
    const { body } = current.metadata;
    const isSigned = body !== null && equalBytes(envelopeBody(keys, envelope), body);
    return isSigned ? { verdict: "good", committed: null } : refused("it is not the envelope that its writer signed");
  }
  if (envelope.class !== STORE_CLASS) return refused(`this release keeps no secrets of class "${envelope.class}"`);
  try {
    const committed = await openEnvelope(keys, seal, mesh, envelope);
    if (committed === null) return refused("it is not sealed to this store");
    if (checkCommitment(keys, mesh, current, committed)) return { verdict: "good", committed };
    committed.value.wipe();
    return refused("it is not the value that its writer signed");
  } catch (error) {
    if (error instanceof SealBrokenError || error instanceof MalformedError) return refused(error.message);
    throw error;
  }
}

function refused(reason: string): Judgement {
  return { verdict: "refused", reason };
}
