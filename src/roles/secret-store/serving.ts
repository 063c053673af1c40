import type { Vouched } from "../../core/secrets/messages.ts";
import { isStrict, mayRead } from "../../core/policy/entitlement.ts";
import { type CurrentVersion, currentVersion } from "../../core/secrets/version.ts";
import type { Node, View } from "../../core/view.ts";

/** What becomes of a request for a value. */
export type Serving =
  | {
      readonly verdict: "serve";
      readonly current: CurrentVersion;
      /** Whom the answer is sealed to. */
      readonly node: Node;
      readonly vouched: Vouched;
    }
  | { readonly verdict: "refuse"; readonly state: "none" | "unvouched"; readonly reason: string };

/** Judges a request of the member that the connection proved. Pure: nothing is decided while it is executed. */
export function planServing(view: View, peer: string, path: string, vouched: Vouched): Serving {
  const node = view.nodeByKey(peer);
  if (node === undefined || !mayRead(view, node.id, path)) {
    return { verdict: "refuse", state: "none", reason: "not entitled" };
  }
  const current = currentVersion(view, path);
  if (current === undefined) return { verdict: "refuse", state: "none", reason: "never set" };
  if (vouched === "unvouched" && isStrict(view, path)) {
    return { verdict: "refuse", state: "unvouched", reason: "strict, and no signer vouches for this store" };
  }
  return { verdict: "serve", current, node, vouched };
}
