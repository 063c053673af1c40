import { toHex } from "../bytes.ts";
import type { Keys, SealIdentity } from "../ports/keys.ts";
import type { Secret } from "../secret.ts";
import { openEnvelope } from "./envelope.ts";
import type { Served } from "./messages.ts";
import { checkCommitment, type CurrentVersion, SEALED_CLASS } from "./version.ts";

/**
 * - `value`: the caller's own, to be wiped · `not-ours`: its writer sealed it to others · `refused`: it is false, with the
 *   reason
 */
export type OpenedServed =
  | { readonly verdict: "value"; readonly value: Secret }
  | { readonly verdict: "not-ours"; readonly reason: string }
  | { readonly verdict: "refused"; readonly reason: string };

/**
 * The value in what a store served, held against what its writer signed. Throws `SealBroken` for an altered envelope.
 */
export async function openServed(
  keys: Keys,
  seal: SealIdentity,
  mesh: Uint8Array,
  { content }: Served,
  current: Pick<CurrentVersion, "path" | "metadata">,
): Promise<OpenedServed> {
  const isSealed = "sealedValue" in content;
  if (isSealed !== (current.metadata.class === SEALED_CLASS)) return refused("it is of another class than was signed");
  const bound = toHex(current.metadata.commitment);
  const committed = isSealed ? await openEnvelope(keys, seal, mesh, content, bound) : content;
  if (committed === null)
    return { verdict: "not-ours", reason: "its writer sealed it to others: it has to be set again" };
  if (checkCommitment(keys, mesh, current, committed)) return { verdict: "value", value: committed.value };
  committed.value.wipe();
  return refused("it is not the value that its writer signed");
}

function refused(reason: string): OpenedServed {
  return { verdict: "refused", reason };
}
