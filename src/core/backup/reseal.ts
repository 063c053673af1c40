import { equalBytes } from "../bytes.ts";
import { MalformedError } from "../encoding.ts";
import { SealBrokenError } from "../errors.ts";
import { storeRecipients } from "../policy/entitlement.ts";
import type { SealIdentity } from "../ports/keys.ts";
import {
  decodeEnvelope,
  type Envelope,
  envelopeBody,
  openEnvelope,
  rewrap,
  type SealingTools,
} from "../secrets/envelope.ts";
import { checkCommitment, currentVersions, SEALED_CLASS } from "../secrets/version.ts";
import type { View } from "../view.ts";

/** What became of the sealed secrets of a backup. */
export interface Resealed {
  /** For the stores that the view has, and for the recovery code. */
  readonly envelopes: readonly Envelope[];
  /** Paths with a current value that nobody here could open, or whose envelope is not in the backup or is altered. */
  readonly unreadable: readonly string[];
}

export interface ResealFor {
  readonly view: View;
  readonly mesh: Uint8Array;
  /** Whom the values are wrapped to, where the view does not say. */
  readonly recipients?: readonly string[];
}

/**
 * Wraps the sealed values of a backup to the stores of today. A value is opened and held against what its writer signed:
 * the place could have exchanged it. Values that are not current any more are left behind.
 */
export async function resealEnvelopes(
  tools: SealingTools,
  seal: SealIdentity | null,
  { view, mesh, recipients = storeRecipients(view) }: ResealFor,
  envelopes: readonly Uint8Array[],
): Promise<Resealed> {
  const held = new Map<string, Envelope>();
  for (const bytes of envelopes) {
    const envelope = readEnvelope(bytes);
    if (envelope !== null) held.set(`${envelope.path}@${envelope.version}`, envelope);
  }
  const resealed: Envelope[] = [];
  const unreadable: string[] = [];
  for (const current of currentVersions(view)) {
    const envelope = held.get(`${current.path}@${current.version}`);
    // Sealed by its writer to machines: it goes on as it is, if it is what was signed.
    if (current.metadata.class === SEALED_CLASS) {
      const body = envelope === undefined ? null : envelopeBody(tools.keys, envelope);
      const isSigned = body !== null && current.metadata.body !== null && equalBytes(body, current.metadata.body);
      if (isSigned && envelope !== undefined) resealed.push(envelope);
      else unreadable.push(current.path);
      continue;
    }
    const isGood = async (found: Envelope, own: SealIdentity) => {
      const committed = await openEnvelope(tools.keys, own, mesh, found);
      if (committed === null) return false;
      const isSigned = checkCommitment(tools.keys, mesh, current, committed);
      committed.value.wipe();
      return isSigned;
    };
    const wrapped =
      envelope === undefined || seal === null
        ? null
        : await orNull(async () => {
            if (!(await isGood(envelope, seal))) return null;
            return rewrap(tools, seal, mesh, envelope, recipients);
          });
    if (wrapped === null) unreadable.push(current.path);
    else resealed.push(wrapped);
  }
  return { envelopes: resealed, unreadable };
}

function readEnvelope(bytes: Uint8Array): Envelope | null {
  try {
    return decodeEnvelope(bytes);
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

/** An altered envelope is as good as none. */
async function orNull<T>(run: () => Promise<T | null>): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof SealBrokenError || error instanceof MalformedError) return null;
    throw error;
  }
}
