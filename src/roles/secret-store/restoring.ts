import type { RoleContext } from "../../core/ports/role.ts";
import { storeRecipients } from "../../core/policy/entitlement.ts";
import { type Envelope, openEnvelope, sealEnvelope } from "../../core/secrets/envelope.ts";
import { checkCommitment, type CurrentVersion, SEALED_CLASS } from "../../core/secrets/version.ts";

/**
 * The envelope of a version that has the value of an older one, made from that one's; null if this store cannot, or the
 * value is not the one that the writer committed to. Nobody outside the stores sees the value.
 */
export async function restoredEnvelope(
  { keys, random, mesh, seal, view }: Pick<RoleContext, "keys" | "random" | "mesh" | "seal" | "view">,
  older: Envelope,
  current: CurrentVersion,
): Promise<Envelope | null> {
  const { path, version, metadata } = current;
  if (older.path !== path || older.version !== metadata.restores || older.class !== metadata.class) return null;
  // Its content is bound to the commitment, which the two have in common; whoever judges it compares it.
  if (older.class === SEALED_CLASS) return { ...older, version };
  const committed = await openEnvelope(keys, seal, mesh, older);
  if (committed === null) return null;
  try {
    if (!checkCommitment(keys, mesh, current, committed)) return null;
    const subject = { path, version, class: metadata.class };
    return await sealEnvelope({ keys, random }, mesh, subject, committed, storeRecipients(view()));
  } finally {
    committed.value.wipe();
  }
}
