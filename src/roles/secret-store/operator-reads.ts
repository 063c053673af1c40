import { equalBytes, fromHex } from "../../core/bytes.ts";
import { liveOperator } from "../../core/policy/operator-readers.ts";
import type { RoleContext } from "../../core/ports/role.ts";
import { type CarriedRead, readToSign } from "../../core/secrets/operator-read.ts";
import { isSigned } from "../../core/signature.ts";
import type { Operator } from "../../core/view.ts";

/** Who asks, or why nobody is known to. */
export type Asking =
  | { readonly verdict: "proven"; readonly operator: Operator }
  | { readonly verdict: "unproven"; readonly reason: string };

/** Judges who asks by a request that some member brought, and not yet whether he may have what he asks for. */
export function judgeAsking(
  { keys, mesh, self, view }: Pick<RoleContext, "keys" | "mesh" | "self" | "view">,
  { read, bytes, signature }: CarriedRead,
  challenge: "open" | "unknown",
): Asking {
  if (challenge === "unknown") return unproven("an operator's request that was used, or is not of now");
  if (!equalBytes(read.mesh, mesh) || read.store !== self.key)
    return unproven("an operator's request to another store");
  const operator = liveOperator(view(), read.operator);
  const key = fromHex(read.operator);
  if (operator === undefined || key === null) return unproven("a request of somebody who is no operator");
  if (!isSigned(keys, key, readToSign(bytes), signature)) return unproven("a request that its operator did not sign");
  return { verdict: "proven", operator };
}

function unproven(reason: string): Asking {
  return { verdict: "unproven", reason };
}
